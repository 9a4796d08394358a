#include "walk/lua_userdata.h"

#include "layouts/lua_value.h"

enum { NODES_MAX = 1 << 20 };

/* The string-keyed entries of a table's hash part. */
struct node_walk {
    struct lua_reader *reader;
    address_t nodes;
    uint64_t left;
};

static bool begin_nodes(struct node_walk *walk, struct lua_reader *reader, address_t table)
{
    const struct lua_object_layout *layout = reader->layout->objects;
    const void *fields = view_bytes(&reader->view, table, layout->table.bytes);
    if (!fields || field_u8(fields, layout->header.type) != LUA_TAG_TABLE)
        return false;
    uint64_t count = (uint64_t)field_u32(fields, layout->table.hash_mask) + 1;
    *walk = (struct node_walk){reader, lua_reference(layout, fields, layout->table.nodes), count};
    return count <= NODES_MAX;
}

/* The next entry whose key is a string. */
static bool next_node(struct node_walk *walk, uint64_t *value, const char **key, uint32_t *length)
{
    const struct lua_object_layout *layout = walk->reader->layout->objects;
    while (walk->left > 0) {
        const void *node = view_bytes(&walk->reader->view, walk->nodes, layout->node.bytes);
        enum lua_tag tag;
        address_t string;
        if (!node)
            return false;
        walk->nodes = address_add(walk->nodes, layout->node.bytes);
        walk->left--;
        *value = field_u64(node, layout->node.value);
        if (lua_value_kind(layout, *value) != LUA_VALUE_NIL
            && lua_value_object(layout, field_u64(node, layout->node.key), &tag, &string) && tag == LUA_TAG_STRING
            && lua_string_read(walk->reader, string, key, length))
            return true;
    }
    return false;
}

static bool name_in_metatable(struct lua_reader *reader, address_t metatable, char name[OBJECT_NAME_BYTES])
{
    static const char wanted[] = "__name";
    struct node_walk walk;
    const char *key, *text;
    uint32_t length;
    uint64_t value;
    enum lua_tag tag;
    address_t string;
    if (!begin_nodes(&walk, reader, metatable))
        return false;
    while (next_node(&walk, &value, &key, &length))
        if (length == sizeof(wanted) - 1 && memcmp(key, wanted, length) == 0
            && lua_value_object(reader->layout->objects, value, &tag, &string) && tag == LUA_TAG_STRING
            && lua_string_read(reader, string, &text, &length) && length > 0) {
            name_escape(name, text, length);
            return true;
        }
    return false;
}

static bool name_in_registry(struct lua_reader *reader, address_t main_thread, address_t metatable,
    char name[OBJECT_NAME_BYTES])
{
    const struct lua_layout *layout = reader->layout;
    struct node_walk walk;
    const char *key;
    uint32_t length;
    uint64_t value;
    enum lua_tag tag;
    address_t object;
    address_t registry_at = address_add(main_thread, layout->global.offset + layout->global.registry);
    if (!view_u64(&reader->view, registry_at, &value) || !lua_value_object(layout->objects, value, &tag, &object)
        || tag != LUA_TAG_TABLE || !begin_nodes(&walk, reader, object))
        return false;
    while (next_node(&walk, &value, &key, &length))
        if (lua_value_object(layout->objects, value, &tag, &object) && address_equal(object, metatable)) {
            name_escape(name, key, length);
            return true;
        }
    return false;
}

bool lua_userdata_name(struct lua_reader *reader, address_t main_thread, address_t userdata,
    char name[OBJECT_NAME_BYTES])
{
    static const char *const kinds[] = {"userdata", "io.file", "ffi.clib", "string.buffer"};
    const struct lua_object_layout *layout = reader->layout->objects;
    const void *fields = view_bytes(&reader->view, userdata, layout->userdata.bytes);
    if (!fields || field_u8(fields, layout->header.type) != LUA_TAG_USERDATA)
        return false;
    uint8_t kind = field_u8(fields, layout->userdata.kind);
    address_t metatable = lua_reference(layout, fields, layout->userdata.metatable);
    if (!address_is_null(metatable) && name_in_metatable(reader, metatable, name))
        return true;
    if (kind == 0 && !address_is_null(metatable) && name_in_registry(reader, main_thread, metatable, name))
        return true;
    name_print(name, "%s", kinds[kind < sizeof(kinds) / sizeof(kinds[0]) ? kind : 0]);
    return true;
}
