#include "render/zone_json.h"

#include "base/size.h"

/* With those that hold bitmaps of pages, which nginx's own statistics leave out. */
static json_t *slabs_in_use(const struct slab_account *slabs)
{
    json_t *list = json_array();
    uint64_t count = 0, bytes = 0, bitmaps = 0;
    for (size_t i = 0; i < slabs->size_count; i++) {
        const struct slab_size *size = &slabs->sizes[i];
        uint64_t used = size->used + size->bitmap_slabs;
        count += used;
        bytes += used * size->slab_bytes;
        bitmaps += size->bitmap_slabs;
        if (used)
            json_array_append_new(list, json_pack("{s:o, s:o, s:o}", "slab_bytes", json_number(size->slab_bytes),
                "count", json_number(used), "bytes", json_number(used * size->slab_bytes)));
    }
    return json_pack("{s:o, s:o, s:o, s:o}", "count", json_number(count), "bytes", json_number(bytes), "bitmap_slabs",
        json_number(bitmaps), "by_size", list);
}

static json_t *slabs_free(const struct slab_account *slabs)
{
    json_t *list = json_array();
    uint64_t count = 0, bytes = 0;
    for (size_t i = 0; i < slabs->size_count; i++) {
        const struct slab_size *size = &slabs->sizes[i];
        count += size->free;
        bytes += size->free * size->slab_bytes;
        if (size->free)
            json_array_append_new(list, json_pack("{s:o, s:o, s:o}", "slab_bytes", json_number(size->slab_bytes),
                "count", json_number(size->free), "bytes", json_number(size->free * size->slab_bytes)));
    }
    return json_pack("{s:o, s:o, s:o}", "count", json_number(count), "bytes", json_number(bytes), "by_size", list);
}

static json_t *slab_sizes(const struct slab_account *slabs, uint64_t *used)
{
    json_t *list = json_array();
    *used = 0;
    for (size_t i = 0; i < slabs->size_count; i++) {
        const struct slab_size *size = &slabs->sizes[i];
        json_t *row = json_pack("{s:o, s:o, s:o, s:o, s:o}", "slab_bytes", json_number(size->slab_bytes), "pages",
            json_number(size->pages), "used", json_number(size->used), "free", json_number(size->free),
            "bitmap_slabs", json_number(size->bitmap_slabs));
        json_object_set_new(row, "requests", json_number(size->requests));
        json_object_set_new(row, "fails", json_number(size->failures));
        json_object_set_new(row, "sparse_pages", json_number(size->sparse_pages));
        json_object_set_new(row, "sparse_used", json_number(size->sparse_used));
        json_array_append_new(list, row);
        *used += size->used;
    }
    return list;
}

static json_t *pages(const struct slab_account *slabs, bool known)
{
    const struct slab_pages *pages = &slabs->pages;
    json_t *object = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "total", json_number(pages->total), "free",
        json_number(pages->free), "free_loaded", json_resident(known, pages->free_loaded), "free_runs",
        json_number(pages->free_runs), "largest_free_run", json_number(pages->largest_free_run), "page_bytes",
        json_number(slabs->page_bytes));
    json_object_set_new(object, "small", json_number(pages->small));
    json_object_set_new(object, "exact", json_number(pages->exact));
    json_object_set_new(object, "big", json_number(pages->big));
    json_object_set_new(object, "whole", json_number(pages->whole));
    json_object_set_new(object, "whole_allocations", json_number(pages->whole_allocations));
    return object;
}

static void add_slabs(json_t *object, const struct shared_zone *zone)
{
    const struct slab_account *slabs = &zone->slabs;
    uint64_t statistics_used;
    if (!zone->has_slabs) {
        json_object_set_new(object, "slabs", json_null());
        json_object_set_new(object, "pages", json_null());
        return;
    }
    json_t *sizes = slab_sizes(slabs, &statistics_used);
    json_object_set_new(object, "slabs", json_pack("{s:o, s:o, s:o, s:o}", "used", slabs_in_use(slabs), "free",
        slabs_free(slabs), "statistics_used", json_number(statistics_used), "sizes", sizes));
    json_object_set_new(object, "pages", pages(slabs, zone->has_residency));
    json_object_set_new(object, "header_bytes", json_number(slabs->header_bytes));
    json_object_set_new(object, "largest_allocation_bytes", json_number(slabs->largest_allocation));
}

static json_t *sum(const struct entry_sum *sum)
{
    return json_pack("{s:o, s:o}", "count", json_number(sum->count), "bytes", json_number(sum->bytes));
}

static json_t *entry(const struct shm_report *report, const struct shown_entry *entry)
{
    return json_pack("{s:o, s:o, s:o, s:s, s:o, s:o}", "key",
        report->show_strings && entry->key ? json_name(entry->key) : json_null(), "key_bytes",
        json_number(entry->key_bytes), "value_bytes", json_number(entry->value_bytes), "type",
        dict_value_name(entry->type), "left_ms", entry->expires ? json_integer(entry->left_ms) : json_null(), "age_ms",
        entry->has_age ? json_integer(entry->age_ms) : json_null());
}

static json_t *by_type(const struct zone_contents *contents)
{
    json_t *list = json_array();
    for (unsigned type = 0; type < DICT_VALUES; type++) {
        json_t *row = sum(&contents->by_type[type]);
        json_object_set_new(row, "type", json_string(dict_value_name(type)));
        json_array_append_new(list, row);
    }
    return list;
}

static json_t *by_ttl(const struct zone_contents *contents)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < TTL_ROWS; i++) {
        json_t *row = sum(&contents->by_ttl[i]);
        json_object_set_new(row, "below_ms",
            ttl_bounds_ms[i] == UINT64_MAX ? json_null() : json_number(ttl_bounds_ms[i]));
        json_array_append_new(list, row);
    }
    return list;
}

static json_t *dict(const struct shm_report *report, const struct zone_contents *contents)
{
    json_t *object = json_pack("{s:o, s:o, s:o, s:o}", "by_type", by_type(contents), "sizes",
        json_histogram(&contents->sizes), "ttl", by_ttl(contents), "never", sum(&contents->never));
    json_object_set_new(object, "lists", json_pack("{s:o, s:o, s:o}", "count",
        json_number(contents->by_type[DICT_LIST].count), "items", json_number(contents->list_items), "bytes",
        json_number(contents->list_item_bytes)));
    json_object_set_new(object, "key_overhead_bytes", json_number(contents->key_overhead));
    json_object_set_new(object, "largest_value_bytes", json_number(contents->largest_value));
    json_object_set_new(object, "pages_if_expired_went", json_number(contents->pages_if_expired_went));
    json_object_set_new(object, "newest", contents->has_ends ? entry(report, &contents->newest) : json_null());
    json_object_set_new(object, "oldest", contents->has_ends ? entry(report, &contents->oldest) : json_null());
    json_t *largest = json_array();
    for (size_t i = 0; i < size_min(contents->largest_count, report->top); i++)
        json_array_append_new(largest, entry(report, &contents->largest[i]));
    json_object_set_new(object, "largest", largest);
    return object;
}

static void add_contents(json_t *object, const struct shm_report *report, const struct shared_zone *zone)
{
    const struct zone_contents *contents = &zone->contents;
    bool known = contents->is_known;
    json_object_set_new(object, "entries", known ? json_number(contents->entries) : json_null());
    json_object_set_new(object, "expired", known ? json_number(contents->expired) : json_null());
    json_object_set_new(object, "tree_height", known ? json_number(contents->tree_height) : json_null());
    if (known && zone->kind == ZONE_LUA_DICT)
        json_object_set_new(object, "dict", dict(report, contents));
    if (known && zone->kind == ZONE_CACHE)
        json_object_set_new(object, "cache", json_pack("{s:o}", "disk_blocks", json_number(contents->disk_blocks)));
}

static json_t *lineage(const struct zone_lineage *lineage)
{
    uint64_t made_ms = lineage->made_ns / 1000000;
    return json_pack("{s:o, s:b, s:o, s:o, s:o, s:o}", "made_at_ms", made_ms ? json_number(made_ms) : json_null(),
        "kept_over_reload", lineage->was_kept, "before_process_ms",
        json_number(lineage->before_process_ms), "processes", json_number(lineage->processes), "other_generations",
        json_number(lineage->others), "other_generations_loaded_bytes", json_number(lineage->others_loaded));
}

json_t *json_zone(const struct shm_report *report, const struct shared_zone *zone)
{
    bool known = zone->has_residency;
    json_t *object = json_pack("{s:o, s:o, s:s, s:o, s:o}", "name", json_name(zone->name), "module",
        json_name(zone->module), "kind", zone_kind_name(zone->kind), "address", json_address(zone->range.start),
        "size_bytes", json_number(zone->size_bytes));
    json_object_set_new(object, "loaded_bytes", json_resident(known, zone->loaded_bytes));
    json_object_set_new(object, "unloaded_bytes", json_resident(known, shared_zone_unloaded_bytes(zone)));
    json_object_set_new(object, "own_bytes", json_resident(known, zone->own_bytes));
    json_object_set_new(object, "swapped_bytes", json_resident(known, zone->swapped_bytes));
    add_slabs(object, zone);
    add_contents(object, report, zone);
    json_object_set_new(object, "lineage", lineage(&zone->lineage));
    json_object_set_new(object, "damage", zone->damage ? json_string(error_text(zone->damage)) : json_null());
    json_object_set_new(object, "attempts", json_number(zone->attempts));
    json_object_set_new(object, "changes", json_number(zone->changes));
    json_object_set_new(object, "checks", json_checks(&zone->checks));
    return object;
}
