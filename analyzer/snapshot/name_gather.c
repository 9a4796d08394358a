/* Gathering names while the target's memory is at hand: each bearer is asked once, in the order of their numbers. */
#include <stdlib.h>

#include "snapshot/name_table.h"

/* Of one coroutine, innermost first: to find a variable's name, all frames above it are gone through. */
enum { NAMED_SLOTS_MAX = 16384 };

struct gathering {
    const struct lua_state *state;
    const struct object_graph *graph;
    struct name_table *table;
    enum string_contents contents;
    uint8_t *seen;       /* a bit for each object: a string that is a key; a bearer that was asked already */
    uint8_t *seen_types; /* a bit for each number of a C type */
};

static bool is_seen(const uint8_t *bits, uint32_t number)
{
    return bits[number / 8] >> number % 8 & 1;
}

/* True the first time. */
static bool see(uint8_t *bits, uint32_t number)
{
    bool first = !is_seen(bits, number);
    bits[number / 8] |= (uint8_t)(1u << number % 8);
    return first;
}

static struct error *gather(struct gathering *gathering, enum object_name_kind kind, object_id object, uint32_t index)
{
    char name[OBJECT_NAME_BYTES];
    unsigned list;
    struct name_entry entry = {.index = index};
    entry.bearer = name_table_bearer(gathering->graph, kind, object, &list);
    if (!object_name(&gathering->state->names, kind, object, index, name))
        return NULL;
    return name_table_add(gathering->table, list, entry, name);
}

/* Names of what the object's references of one kind go through: upvalues, stack slots. The last ones first. */
static struct error *gather_by_reference(struct gathering *gathering, object_id object, enum reference_kind kind,
    enum object_name_kind name_kind)
{
    const struct object_graph *graph = gathering->graph;
    uint32_t first = graph->first_reference[object], end = graph->first_reference[object + 1];
    if (end - first > NAMED_SLOTS_MAX)
        first = end - NAMED_SLOTS_MAX;
    struct error *error = NULL;
    for (uint32_t i = first; i < end && !error; i++)
        if (reference_kind(graph->references[i].label) == kind)
            error = gather(gathering, name_kind, object, reference_payload(graph->references[i].label));
    return error;
}

/* The place of a Lua function is that of its proto. */
static struct error *gather_function(struct gathering *gathering, object_id function)
{
    unsigned list;
    object_id bearer = name_table_bearer(gathering->graph, NAME_PLACE, function, &list);
    if (bearer == function)
        return gather(gathering, NAME_PLACE, function, 0);
    return see(gathering->seen, bearer) ? gather_by_reference(gathering, function, REFERENCE_UPVALUE, NAME_UPVALUE)
                                        : NULL;
}

static struct error *gather_type(struct gathering *gathering, object_id object)
{
    unsigned list;
    object_id bearer = name_table_bearer(gathering->graph, NAME_TYPE, object, &list);
    bool first = see(list == NAME_KIND_C_TYPE ? gathering->seen_types : gathering->seen, bearer);
    return first ? gather(gathering, NAME_TYPE, object, 0) : NULL;
}

static struct error *gather_thread(struct gathering *gathering, object_id thread)
{
    struct error *error = gather(gathering, NAME_PLACE, thread, 0);
    return error ? error : gather_by_reference(gathering, thread, REFERENCE_SLOT, NAME_LOCAL);
}

static struct error *gather_string(struct gathering *gathering, object_id string)
{
    struct error *error = NULL;
    if (is_seen(gathering->seen, string))
        error = gather(gathering, NAME_STRING, string, STRING_CONTENTS_HIDDEN);
    if (!error && gathering->contents == STRING_CONTENTS_SHOWN)
        error = gather(gathering, NAME_STRING, string, STRING_CONTENTS_SHOWN);
    return error;
}

static struct error *gather_object(struct gathering *gathering, object_id object)
{
    switch ((enum lua_type)gathering->graph->types[object]) {
    case LUA_TYPE_STRING:
        return gather_string(gathering, object);
    case LUA_TYPE_FUNCTION:
        return gather_function(gathering, object);
    case LUA_TYPE_PROTO:
    case LUA_TYPE_TRACE:
        return gather(gathering, NAME_PLACE, object, 0);
    case LUA_TYPE_THREAD:
        return gather_thread(gathering, object);
    case LUA_TYPE_CDATA:
    case LUA_TYPE_USERDATA:
        return gather_type(gathering, object);
    default:
        return NULL;
    }
}

static void mark_keys(struct gathering *gathering)
{
    const struct object_graph *graph = gathering->graph;
    for (uint32_t i = 0; i < graph->reference_count; i++) {
        object_id key = reference_key(graph->references[i]);
        if (key != OBJECT_NONE)
            see(gathering->seen, key);
    }
}

/* Bearers that are told by others do not come in order. Those with the same key have the same text. */
static void sort_list(struct name_list *list)
{
    bool sorted = true;
    for (size_t i = 1; i < list->count && sorted; i++)
        sorted = name_entry_compare(&list->items[i - 1], &list->items[i]) < 0;
    if (sorted)
        return;
    qsort(list->items, list->count, sizeof(*list->items), name_entry_compare);
    size_t kept = 1;
    for (size_t i = 1; i < list->count; i++)
        if (name_entry_compare(&list->items[i], &list->items[kept - 1]) != 0)
            list->items[kept++] = list->items[i];
    list->count = kept;
}

struct error *name_table_gather(const struct lua_state *state, enum string_contents contents, struct name_table *table)
{
    struct gathering gathering = {
        .state = state,
        .graph = state->graph,
        .table = table,
        .contents = contents,
        .seen = calloc(state->graph->count / 8 + 1, 1),
        .seen_types = calloc(UINT16_MAX / 8 + 1, 1),
    };
    *table = (struct name_table){.graph = state->graph};
    struct error *error = gathering.seen && gathering.seen_types ? NULL : error_no_memory();
    if (!error)
        mark_keys(&gathering);
    for (object_id id = 0; id < state->graph->count && !error; id++)
        error = gather_object(&gathering, id);
    for (unsigned list = 0; list < NAME_TABLE_KINDS; list++)
        sort_list(&table->lists[list]);
    free(gathering.seen);
    free(gathering.seen_types);
    return error;
}
