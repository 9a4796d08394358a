/*
 * The object graph of a Lua state, built from the copy of its memory: first every object that the collector knows is
 * noted (lua_objects.h), then what each refers to is read in the order of addresses, on all processors at once.
 */
#ifndef RESPIRE_WALK_LUA_GRAPH_H
#define RESPIRE_WALK_LUA_GRAPH_H

#include "locate/lua_states.h"
#include "model/lua_state.h"

/*
 * `graph` has an index, sealed, of all objects of the state; everything else is filled in. Adds its equations to
 * state->checks: all objects could be read, no reference leads nowhere, bytes add up to those of the walk. The graph is
 * released by its owner with object_graph_free(), whatever the outcome.
 */
struct error *lua_graph_build(const struct capture *capture, const struct lua_site *site, struct lua_state *state,
    struct object_graph *graph);

#endif
