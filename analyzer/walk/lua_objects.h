/*
 * Walk everything that one state's collector knows: the chain of objects, the string table, open upvalues of
 * threads, objects that wait for their finalizer, and the state's own tables.
 */
#ifndef RESPIRE_WALK_LUA_OBJECTS_H
#define RESPIRE_WALK_LUA_OBJECTS_H

#include "locate/lua_states.h"
#include "model/lua_state.h"
#include "model/object_index.h"

/*
 * Called for every block, so that the heap can compare it with its own books. It belongs to `object`, or to the state
 * itself: ADDRESS_NONE.
 */
typedef struct error *(*lua_block_visitor)(void *context, address_t object, address_t block, uint64_t bytes);

/*
 * Fills objects, global_bytes, string_table_slots of `state` and adds the equations. `visit` may be NULL. Each object
 * is noted in `index`, unless that is NULL. Bounded by what the capture can hold: a cyclic chain is an error, not a
 * hang.
 */
struct error *lua_objects_walk(const struct capture *capture, const struct lua_site *site, lua_block_visitor visit,
    void *visit_context, struct object_index *index, struct lua_state *state);

#endif
