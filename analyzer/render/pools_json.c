#include "render/pools_json.h"

static uint64_t owner_bytes(const struct pool_owner *owner)
{
    return owner->block_bytes + owner->large_bytes;
}

static json_t *sums(const struct pool_owner *owner)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "pools", json_number(owner->pools), "bytes",
        json_number(owner_bytes(owner)), "blocks", json_number(owner->blocks), "block_bytes",
        json_number(owner->block_bytes), "used_bytes", json_number(owner->used_bytes), "wasted_bytes",
        json_number(owner->wasted_bytes), "spare_bytes", json_number(owner->spare_bytes), "large",
        json_number(owner->large), "large_bytes", json_number(owner->large_bytes));
}

/* What groups of unowned pools have in common. */
static json_t *suspects(const struct pool_owner *owner)
{
    json_t *object = json_pack("{s:o, s:o}", "lowest", json_address(owner->lowest), "highest",
        json_address(owner->highest));
    if (owner->first_block_bytes)
        json_object_set_new(object, "first_block_bytes", json_number(owner->first_block_bytes));
    if (owner->contents)
        json_object_set_new(object, "contents", json_name(owner->contents));
    return object;
}

static json_t *owner_row(json_t *name, const char *kind, const struct pool_owner *owner)
{
    json_t *row = json_object();
    json_object_set_new(row, "owner", name);
    if (kind)
        json_object_set_new(row, "kind", json_string(kind));
    json_object_update_new(row, sums(owner));
    return row;
}

static json_t *owners(const struct pools_report *report)
{
    const struct nginx_pools *pools = &report->process->pools;
    json_t *list = json_array();
    for (size_t i = 0; i < report->rows.owners; i++) {
        const struct pool_owner *owner = &pools->owners[i];
        json_t *row = owner_row(json_name(owner->name), pool_kind_name(owner->kind), owner);
        if (owner->kind == POOL_UNOWNED)
            json_object_update_new(row, suspects(owner));
        json_array_append_new(list, row);
    }
    if (report->rows.other_owners)
        json_array_append_new(list, owner_row(json_string("(others)"), NULL, &report->rows.others));
    return list;
}

static json_t *kinds(const struct pool_rows *rows)
{
    json_t *list = json_array();
    for (unsigned kind = 0; kind < POOL_KINDS; kind++) {
        json_t *row = json_pack("{s:s}", "kind", pool_kind_name(kind));
        json_object_update_new(row, sums(&rows->kinds[kind]));
        json_array_append_new(list, row);
    }
    return list;
}

static json_t *large_blocks(const struct nginx_pools *pools, const struct nginx_pool *pool)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < pool->large_count; i++) {
        const struct large_block *block = &pools->large[pool->first_large + i];
        json_array_append_new(list,
            json_pack("{s:o, s:o}", "address", json_address(block->address), "bytes", json_number(block->bytes)));
    }
    return list;
}

static json_t *cleanups(const struct nginx_pools *pools, const struct nginx_pool *pool)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < pool->cleanup_count; i++) {
        const struct cleanup_handler *handler = &pools->cleanups[pool->first_cleanup + i];
        json_array_append_new(list, json_pack("{s:o, s:o}", "handler", json_name(pools->names[handler->name]), "count",
            json_number(handler->count)));
    }
    return list;
}

static json_t *request(const struct pool_request *request)
{
    return json_pack("{s:o, s:s?, s:s?}", "uri_bytes", json_number(request->uri_bytes), "state", request->state,
        "phase", request->phase);
}

static json_t *pool_row(const struct nginx_pools *pools, const struct nginx_pool *pool)
{
    json_t *row = json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "address", json_address(pool->address),
        "kind", pool_kind_name(pool->kind), "owner", json_name(pools->owners[pool->owner].name), "bytes",
        json_number(pool_bytes(pool)), "blocks", json_number(pool->blocks), "block_bytes",
        json_number(pool->block_bytes), "used_bytes", json_number(pool->used_bytes), "wasted_bytes",
        json_number(pool->wasted_bytes), "spare_bytes", json_number(pool->spare_bytes));
    json_object_set_new(row, "large", json_number(pool->large_count));
    json_object_set_new(row, "large_bytes", json_number(pool->large_bytes));
    json_object_set_new(row, "large_blocks", large_blocks(pools, pool));
    json_object_set_new(row, "cleanups", cleanups(pools, pool));
    if (pool->kind == POOL_REQUEST)
        json_object_set_new(row, "request", request(&pool->request));
    return row;
}

static json_t *list(const struct pools_report *report)
{
    const struct nginx_pools *pools = &report->process->pools;
    json_t *list = json_array();
    for (size_t i = 0; i < report->rows.list_count; i++)
        json_array_append_new(list, pool_row(pools, &pools->pools[report->rows.list[i]]));
    return list;
}

json_t *json_pools(const struct pools_report *report)
{
    const struct process *process = report->process;
    const struct nginx_pools *pools = &process->pools;
    json_t *document = json_document("pools");
    json_object_set_new(document, "pid", json_integer(process->pid));
    json_object_set_new(document, "layout", json_string(pools->layout));
    json_object_update_new(document, sums(&report->rows.whole));
    json_object_set_new(document, "data_bytes", json_number(pools->data_bytes));
    json_object_set_new(document, "connections", json_pack("{s:o, s:o}", "slots",
        json_number(pools->connection_slots), "in_use", json_number(pools->connections_in_use)));
    json_object_set_new(document, "kinds", kinds(&report->rows));
    json_object_set_new(document, "owners", owners(report));
    if (report->rows.list)
        json_object_set_new(document, "list", list(report));
    json_object_set_new(document, "checks", json_checks(&pools->checks));
    json_add_look(document, process);
    return document;
}
