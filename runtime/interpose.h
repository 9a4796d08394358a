/*
 * interpose.h: what the files with exported functions share.
 */
#ifndef RESPIRE_RUNTIME_INTERPOSE_H
#define RESPIRE_RUNTIME_INTERPOSE_H

#include "heap.h"

#define EXPORT __attribute__((visibility("default")))

/* A new state of this LuaJIT on `heap`, which ends with it. NULL: no memory, and the heap is gone. */
struct lua_State *open_on_heap(const struct lua_functions *functions, struct heap *heap);

#endif
