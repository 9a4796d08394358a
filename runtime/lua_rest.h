/*
 * lua_rest.h: is anybody inside a Lua state?
 *
 * The collector may be stepped from outside when no function of the state runs, in no coroutine: neither in the
 * interpreter nor in compiled code. The API tells of frames of one coroutine. Which coroutine ran last, and whether
 * compiled code runs, stands in two neighbouring words of LuaJIT's global state (cur_L, jit_base), whose place differs
 * between versions. It is found by experiment, on a state made for that.
 */
#ifndef RESPIRE_RUNTIME_LUA_REST_H
#define RESPIRE_RUNTIME_LUA_REST_H

#include "lua_functions.h"

#include <stddef.h>
#include <stdint.h>

/* Where the two words are, from a state's main lua_State. Holds for all states of one LuaJIT library. 0: not known. */
struct lua_rest_words {
    ptrdiff_t current_offset;
    ptrdiff_t base_offset; /* of L->base, from any lua_State; not needed to tell who runs, so it may be 0 alone */
};

/* Find them; takes about a millisecond. False: the experiments did not come to one clear result. */
bool lua_rest_learn(const struct lua_functions *functions, struct lua_rest_words *words);

/* The coroutine that ran last: NULL, a dead one or a living one, but never one that was freed. */
struct lua_State *lua_last_run(struct lua_State *state, struct lua_rest_words words);

/* The base of its innermost frame while compiled code runs. 0: none does. */
uintptr_t lua_compiled_base(struct lua_State *state, struct lua_rest_words words);

/* Put back what lua_last_run returned, after a call that changed it. It must not have been freed meanwhile. */
void lua_set_last_run(struct lua_State *state, struct lua_rest_words words, struct lua_State *last);

/* True: nobody is inside. Called by the thread that uses the state; `state` is the main one. */
bool lua_is_at_rest(const struct lua_functions *functions, struct lua_State *state, struct lua_rest_words words);

#endif
