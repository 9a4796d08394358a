/* Understand one Lua state whole: its collector, heap, objects and code, with the equations that tie them together. */
#ifndef RESPIRE_WALK_LUA_STATE_H
#define RESPIRE_WALK_LUA_STATE_H

#include "locate/lua_states.h"
#include "model/lua_state.h"

/* What to find out beyond the heap, the collector and the objects by type. */
struct lua_wants {
    bool graph;           /* every object and reference, and their names; what follows needs it */
    bool strings;         /* what they have in common */
    bool string_contents; /* and may it be shown? */
    bool sparse_pages;
    bool heap_location;   /* of a state that contradicts itself, at least where its heaps lie */
};

/*
 * Fills `state`. The names of a graph's objects are read from `capture`, which must live as long. What can't be
 * understood is told in state->damage (then no number of it may be shown); the error returned is ours alone (no
 * memory). Release with lua_state_release() in any case.
 */
struct error *lua_state_walk(const struct capture *capture, const struct lua_site *site,
    const struct lua_wants *wants, struct lua_state *state);

#endif
