/*
 * attach.h: taking over a state that lives.
 *
 * Its later blocks come from a respire heap. Its blocks from before are told by their addresses and go back to the
 * allocator that made them, one by one, as Lua frees or moves them. States that were on a respire heap from the start
 * know nothing of this: they have another lua_Alloc function.
 */
#ifndef RESPIRE_RUNTIME_ATTACH_H
#define RESPIRE_RUNTIME_ATTACH_H

#include "heap.h"

/*
 * Any thread (coroutine) of the state will do. A state that is on a respire heap already, of this copy of respire or
 * another, stays as it is. `functions` are those of the state's LuaJIT. False: nothing was changed, and failure_say was
 * called.
 */
bool attach(struct lua_State *state, const struct lua_functions *functions);

/* The heap of a state, whichever way it came to it. NULL: its allocator is none of this copy's, or hidden by a host. */
struct heap *attach_find_heap(struct lua_State *state, const struct lua_functions *functions);

#endif
