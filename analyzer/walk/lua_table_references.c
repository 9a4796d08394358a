/* Tables: their records, weak ones too, and what metatables tell the collector. */
#include "walk/lua_table_references.h"

#include <string.h>

#include "base/size.h"

enum {
    METAMETHOD_GC = 2,   /* bits in a metatable's record of what it does not have */
    METAMETHOD_MODE = 3,
    HASH_SLOTS_MAX = 1 << 27,
};

/* True when the string at `object` is just `text`. */
static bool string_equals(struct lua_reference_reader *reader, address_t object, const char *text)
{
    const struct lua_object_layout *layout = reader->layout->objects;
    uint32_t length;
    if (!view_u32(&reader->distant, address_add(object, layout->string.length), &length) || length != strlen(text))
        return false;
    const void *characters = view_bytes(&reader->distant, address_add(object, layout->string.bytes), length);
    return characters && memcmp(characters, text, length) == 0;
}

/* How many slots the hash part of a table has; 0 when it has none, or more than LuaJIT would make. */
static uint64_t hash_slots(const struct lua_object_layout *layout, const void *table)
{
    uint64_t slots = (uint64_t)field_u32(table, layout->table.hash_mask) + 1;
    return slots == 1 || slots > HASH_SLOTS_MAX ? 0 : slots;
}

/* The hash part of a table that is looked into as a metatable or registry: maybe not for the first time. */
static const unsigned char *read_again(struct lua_reference_reader *reader, address_t nodes, uint64_t bytes)
{
    if (bytes > reader->metatables_budget_bytes)
        return NULL;
    reader->metatables_budget_bytes -= bytes;
    return view_bytes(&reader->distant, nodes, bytes);
}

bool lua_table_field(struct lua_reference_reader *reader, address_t table, const char *name, uint64_t *value)
{
    const struct lua_object_layout *layout = reader->layout->objects;
    struct memory_view view = reader->distant;
    const void *bytes = view_bytes(&view, table, layout->table.bytes);
    uint64_t slots = bytes ? hash_slots(layout, bytes) : 0;
    const unsigned char *nodes = slots ? read_again(reader, lua_reference(layout, bytes, layout->table.nodes),
        slots * layout->node.bytes) : NULL;
    if (!nodes)
        return false;
    for (uint64_t i = 0; i < slots; i++) {
        const unsigned char *node = nodes + i * layout->node.bytes;
        enum lua_tag tag;
        address_t key;
        if (lua_value_object(layout, field_u64(node, layout->node.key), &tag, &key) && tag == LUA_TAG_STRING
            && string_equals(reader, key, name)) {
            *value = field_u64(node, layout->node.value);
            return lua_value_kind(layout, *value) != LUA_VALUE_NIL;
        }
    }
    return false;
}

static void read_mode(struct lua_reference_reader *reader, address_t metatable, struct metatable_facts *facts)
{
    const struct lua_object_layout *layout = reader->layout->objects;
    uint64_t value;
    uint32_t length;
    enum lua_tag tag;
    address_t mode;
    if (!lua_table_field(reader, metatable, "__mode", &value) || !lua_value_object(layout, value, &tag, &mode)
        || tag != LUA_TAG_STRING || !view_u32(&reader->distant, address_add(mode, layout->string.length), &length))
        return;
    const char *text = view_bytes(&reader->distant, address_add(mode, layout->string.bytes), length);
    facts->weak_keys = text && memchr(text, 'k', length);
    facts->weak_values = text && memchr(text, 'v', length);
}

static struct metatable_facts read_metatable(struct lua_reference_reader *reader, address_t metatable)
{
    struct metatable_facts facts = {.metatable = metatable};
    uint8_t absent;
    uint64_t ignored;
    if (!view_u8(&reader->distant,
            address_add(metatable, reader->layout->objects->table.absent_metamethods), &absent))
        return facts;
    if (!(absent & 1 << METAMETHOD_GC))
        facts.has_finalizer = lua_table_field(reader, metatable, "__gc", &ignored);
    if (!(absent & 1 << METAMETHOD_MODE))
        read_mode(reader, metatable, &facts);
    return facts;
}

struct metatable_facts lua_metatable_facts(struct lua_reference_reader *reader, address_t metatable)
{
    if (address_is_null(metatable))
        return (struct metatable_facts){0};
    struct metatable_facts *cached = &reader->cache[metatable.value / OBJECT_ALIGNMENT / 8 % METATABLE_CACHE_SLOTS];
    if (!address_equal(cached->metatable, metatable))
        *cached = read_metatable(reader, metatable);
    return *cached;
}

/* A weak key or value is not followed, but the collector keeps strings. */
static bool is_followed(const struct lua_object_layout *layout, uint64_t value, bool weak)
{
    return !weak || lua_value_kind(layout, value) == LUA_TAG_STRING;
}

static bool array_references(struct lua_reference_reader *reader, const void *table, bool weak, uint32_t *records)
{
    const struct lua_object_layout *layout = reader->layout->objects;
    uint64_t slots = field_u32(table, layout->table.array_slots);
    const unsigned char *values = lua_part(reader, lua_reference(layout, table, layout->table.array),
        slots * LUA_VALUE_BYTES);
    if (slots && !values)
        return false;
    for (uint64_t i = 0; i < slots; i++) {
        uint64_t value = field_u64(values + i * LUA_VALUE_BYTES, 0);
        if (lua_value_kind(layout, value) == LUA_VALUE_NIL)
            continue;
        ++*records;
        if (is_followed(layout, value, weak))
            lua_reference_add_value(reader, value, reference_label(REFERENCE_ITEM, i));
    }
    return true;
}

/* How the value of a key is called. */
static uint32_t label_of_key(struct lua_reference_reader *reader, uint64_t key)
{
    enum lua_tag tag;
    address_t object;
    if (lua_value_object(reader->layout->objects, key, &tag, &object))
        return reference_label(tag == LUA_TAG_STRING ? REFERENCE_FIELD : REFERENCE_ENTRY,
            object_index_find(reader->index, object));
    double number;
    memcpy(&number, &key, sizeof(number));
    bool is_number = lua_value_kind(reader->layout->objects, key) == LUA_VALUE_NUMBER;
    if (is_number && number >= 0 && number < REFERENCE_PAYLOAD_NONE && (double)(uint32_t)number == number)
        return reference_label(REFERENCE_ITEM, (uint64_t)number);
    return reference_label(is_number ? REFERENCE_ITEM : REFERENCE_OTHER_ENTRY, REFERENCE_PAYLOAD_NONE);
}

/* The value of a key, when it is an object that is followed. True when the reference holds the key as well. */
static bool add_pair(struct lua_reference_reader *reader, uint64_t key, uint64_t value,
    const struct metatable_facts *metatable)
{
    enum lua_tag tag;
    address_t object;
    const struct lua_object_layout *layout = reader->layout->objects;
    if (!lua_value_object(layout, value, &tag, &object) || !is_followed(layout, value, metatable->weak_values))
        return false;
    struct reference pair = {.label = label_of_key(reader, key)};
    pair.target = lua_reference_add(reader, object, pair.label);
    return pair.target != OBJECT_NONE && reference_key(pair) != OBJECT_NONE;
}

static bool hash_references(struct lua_reference_reader *reader, const void *table,
    const struct metatable_facts *metatable, uint32_t *records)
{
    const struct lua_object_layout *layout = reader->layout->objects;
    uint64_t slots = hash_slots(layout, table);
    if (!slots)
        return field_u32(table, layout->table.hash_mask) == 0;
    const unsigned char *nodes = lua_part(reader, lua_reference(layout, table, layout->table.nodes),
        slots * layout->node.bytes);
    if (!nodes)
        return false;
    for (uint64_t i = 0; i < slots; i++) {
        const unsigned char *node = nodes + i * layout->node.bytes;
        uint64_t value = field_u64(node, layout->node.value), key = field_u64(node, layout->node.key);
        if (lua_value_kind(layout, value) == LUA_VALUE_NIL)
            continue; /* and its key may be dead */
        ++*records;
        if (!add_pair(reader, key, value, metatable) && is_followed(layout, key, metatable->weak_keys))
            lua_reference_add_value(reader, key, reference_label(REFERENCE_KEY, 0));
    }
    return true;
}

bool lua_table_references(struct lua_reference_reader *reader, address_t object, struct lua_object_facts *facts)
{
    const struct lua_object_layout *layout = reader->layout->objects;
    const void *table = view_bytes(&reader->view, object, layout->table.bytes);
    if (!table)
        return false;
    address_t metatable = lua_reference(layout, table, layout->table.metatable);
    struct metatable_facts weak = lua_metatable_facts(reader, metatable);
    unsigned exponent = 0; /* LuaJIT makes no hash part of one slot */
    for (uint64_t mask = field_u32(table, layout->table.hash_mask); mask; mask >>= 1)
        exponent++;
    facts->flags = (uint8_t)((weak.weak_keys ? OBJECT_IS_WEAK_KEYED : 0)
        | (weak.weak_values ? OBJECT_IS_WEAK_VALUED : 0) | exponent << OBJECT_HASH_SHIFT);
    facts->array_slots = field_u32(table, layout->table.array_slots);
    lua_reference_add(reader, metatable, reference_label(REFERENCE_METATABLE, 0));
    bool whole = array_references(reader, table, weak.weak_values, &facts->records)
        && hash_references(reader, table, &weak, &facts->records);
    facts->detail = (uint16_t)size_min(facts->records, DETAIL_TABLE_RECORDS_MAX);
    return whole;
}
