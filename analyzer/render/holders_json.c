#include "render/holders_json.h"

#include "analyze/holders.h"
#include "render/json.h"

enum { SMALLEST_SHARE = 10000 };

static json_t *amount(uint64_t objects, uint64_t bytes)
{
    return json_pack("{s:o, s:o}", "objects", json_number(objects), "bytes", json_number(bytes));
}

static json_t *tables(const struct table_rows *rows)
{
    json_t *list = json_array();
    for (size_t i = 0; i < rows->count; i++) {
        const struct table_row *row = &rows->items[i];
        json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "path", json_name(row->path),
            "records", json_number(row->records), "array_slots", json_number(row->array_slots), "hash_slots",
            json_number(row->hash_slots), "bytes", json_number(row->bytes), "retained_bytes",
            json_number(row->retained_bytes), "other_references", json_number(row->other_references)));
    }
    return list;
}

static json_t *groups(const struct group_rows *rows)
{
    json_t *list = json_array();
    for (size_t i = 0; i < rows->count; i++)
        json_array_append_new(list, json_pack("{s:o, s:o, s:o}", "name", json_name(rows->items[i].name), "count",
            json_number(rows->items[i].count), "bytes", json_number(rows->items[i].bytes)));
    return list;
}

static json_t *pins(const struct pin_rows *pins, size_t top)
{
    json_t *list = json_array();
    for (size_t i = 0; i < pins->count && i < top; i++) {
        const struct pin_row *row = &pins->items[i];
        json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o, s:o}", "path", json_name(row->path), "objects",
            json_number(row->objects), "bytes", json_number(row->bytes), "pinned_bytes",
            json_number(row->pinned_bytes), "free_bytes", json_number(row->free_bytes)));
    }
    return json_pack("{s:o, s:o, s:o, s:o}", "pages", json_number(pins->pages), "pinned_bytes",
        json_number(pins->pinned_bytes), "free_bytes", json_number(pins->free_bytes), "rows", list);
}

static json_t *step(const char *name, uint64_t objects, uint64_t bytes, uint64_t total_objects, uint64_t total_bytes)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "name", json_name(name), "objects", json_number(objects), "bytes",
        json_number(bytes), "total_objects", json_number(total_objects), "total_bytes", json_number(total_bytes));
}

/* The children from `child` on as one. */
static void add_others(json_t *children, const struct path_tree *tree, uint32_t child)
{
    uint64_t objects = 0, bytes = 0;
    for (; child != PATH_NODE_NONE; child = tree->nodes[child].next_sibling) {
        objects += tree->nodes[child].total_objects;
        bytes += tree->nodes[child].total_bytes;
    }
    if (objects)
        json_array_append_new(children, step("(others)", objects, bytes, objects, bytes));
}

static json_t *references(const struct path_tree *tree, uint32_t index, unsigned depth, size_t top)
{
    const struct path_node *node = &tree->nodes[index];
    json_t *object = step(path_tree_name(tree, index), node->objects, node->bytes, node->total_objects,
        node->total_bytes);
    json_t *children = json_array();
    uint32_t child = node->first_child;
    for (size_t added = 0; child != PATH_NODE_NONE && added < top && depth <= PATH_TREE_DEPTH_MAX; added++) {
        if (tree->nodes[child].total_bytes * SMALLEST_SHARE < tree->nodes[0].total_bytes)
            break;
        json_array_append_new(children, references(tree, child, depth + 1, top));
        child = tree->nodes[child].next_sibling;
    }
    add_others(children, tree, child);
    json_object_set_new(object, "children", children);
    return object;
}

static void add_garbage(json_t *state, const struct lua_holders *holders, bool by_name)
{
    json_t *garbage = amount(holders->garbage_objects, holders->garbage_bytes);
    json_object_set_new(garbage, "awaiting_finalizers", amount(holders->awaited_objects, holders->awaited_bytes));
    if (by_name) {
        json_object_set_new(garbage, "types", groups(&holders->garbage_types));
        json_object_set_new(garbage, "functions", groups(&holders->garbage_functions));
    }
    json_object_set_new(state, "garbage", garbage);
}

static void add_objects(json_t *state, const struct lua_holders *holders)
{
    json_object_set_new(state, "cdata", json_pack("{s:o, s:o}", "types", groups(&holders->cdata_types),
        "finalized", groups(&holders->cdata_finalized)));
    json_object_set_new(state, "userdata", groups(&holders->userdata_types));
    json_object_set_new(state, "protos", groups(&holders->proto_files));
    json_object_set_new(state, "traces", groups(&holders->trace_files));
    json_object_set_new(state, "coroutines", groups(&holders->coroutine_lines));
}

void holders_json_add(json_t *state, const struct lua_holders *holders, unsigned parts, size_t top)
{
    json_object_set_new(state, "live", amount(holders->live_objects, holders->live_bytes));
    add_garbage(state, holders, parts & HOLDERS_GARBAGE);
    json_object_set_new(state, "tables", tables(&holders->tables));
    if (parts & HOLDERS_REFERENCES && holders->references.count)
        json_object_set_new(state, "references", references(&holders->references, 0, 0, top));
    if (parts & HOLDERS_STRINGS) {
        json_t *strings = json_object_get(state, "strings");
        json_object_set_new(strings, "patterns", groups(&holders->string_patterns));
        json_object_set_new(strings, "sizes", groups(&holders->string_sizes));
    }
    if (parts & HOLDERS_GROUPS)
        add_objects(state, holders);
    if (parts & HOLDERS_PINS)
        json_object_set_new(state, "pins", pins(&holders->pins, top));
}
