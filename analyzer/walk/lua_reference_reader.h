/*
 * What the readers of references share: where to read, what is an object, and the list of what was found. Its
 * budgets bound what damaged memory can have them read.
 */
#ifndef RESPIRE_WALK_LUA_REFERENCE_READER_H
#define RESPIRE_WALK_LUA_REFERENCE_READER_H

#include <stdbool.h>

#include "layouts/lua_value.h"
#include "locate/lua_states.h"
#include "model/object_graph.h"
#include "target/memory_view.h"

enum { METATABLE_CACHE_SLOTS = 256 };

/* What a metatable says to the collector. */
struct metatable_facts {
    address_t metatable;
    bool has_finalizer, weak_keys, weak_values;
};

struct reference_list {
    struct reference *items;
    size_t count, capacity;
};

struct lua_reference_reader {
    struct memory_view view;    /* of objects, mostly one behind the other */
    struct memory_view distant; /* of what they point at: arrays, stacks, constants */
    const struct lua_layout *layout;
    const struct object_index *index;
    struct address_range global_block; /* GG_State: the empty string and dead stubs lie inside it */
    address_t running_thread;          /* whose stack is read to its end, because its top may be old; or null */
    address_t traces;                  /* the array that turns numbers into traces */
    uint32_t trace_slots;
    uint8_t dead_white;                /* mark bit of objects that wait for the sweep */
    struct metatable_facts cache[METATABLE_CACHE_SLOTS];
    struct reference_list list;        /* owned: what was found so far */
    uint64_t dangling;                 /* references of live objects that lead to no object */
    uint64_t parts_budget_bytes;       /* of arrays, stacks, constants still to be read: no byte has two owners */
    uint64_t metatables_budget_bytes;  /* of metatables: these are read again and again */
    bool no_memory;
};

/* What was learned of the object besides its references. */
struct lua_object_facts {
    uint16_t detail;  /* see model/object_graph.h */
    uint8_t flags;    /* enum object_flag */
    uint32_t records, array_slots; /* of a table */
};

/* Release with lua_reference_reader_free(), whatever the outcome. */
struct error *lua_reference_reader_make(const struct capture *capture, const struct lua_site *site,
    const struct object_index *index, struct lua_reference_reader *reader);

void lua_reference_reader_free(struct lua_reference_reader *reader);

/*
 * One reference, when there is an object at `target`: its number. Otherwise it counts as dangling and is OBJECT_NONE. A
 * null target is nothing.
 */
object_id lua_reference_add(struct lua_reference_reader *reader, address_t target, uint32_t label);

/* As above for the object that a value refers to, if it does. */
void lua_reference_add_value(struct lua_reference_reader *reader, uint64_t value, uint32_t label);

/* As lua_reference_add, for what only may be a reference: no object there is no fault. */
void lua_reference_try(struct lua_reference_reader *reader, address_t target, uint32_t label);

/* A part that belongs to one object alone; NULL when it is empty or not in memory, or more was read than that holds. */
const void *lua_part(struct lua_reference_reader *reader, address_t at, uint64_t bytes);

#endif
