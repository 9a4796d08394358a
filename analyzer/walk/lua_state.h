/* Understand one Lua state whole: its collector, heap, objects and code, with the equations that tie them together. */
#ifndef RESPIRE_WALK_LUA_STATE_H
#define RESPIRE_WALK_LUA_STATE_H

#include "locate/lua_states.h"
#include "model/lua_state.h"

/*
 * Fills `state`, with its object graph when that is wanted: the graph's names are read from `capture`, which must
 * live as long. What can't be understood is told in state->damage (then no number of it may be shown);
 * the error returned is ours alone (no memory). Release with lua_state_release() in any case.
 */
struct error *lua_state_walk(const struct capture *capture, const struct lua_site *site, bool want_graph,
    struct lua_state *state);

#endif
