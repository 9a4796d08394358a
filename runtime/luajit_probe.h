/*
 * luajit_probe.h: what must be known of a LuaJIT before one of its states can be taken over.
 */
#ifndef RESPIRE_RUNTIME_LUAJIT_PROBE_H
#define RESPIRE_RUNTIME_LUAJIT_PROBE_H

#include "lua_functions.h"

#include <stdint.h>

struct luajit_facts {
    lua_allocator *stock;   /* LuaJIT's own allocator */
    size_t global_field;    /* of the field of a thread that points to the global state, from the thread's start */
    uintptr_t global_offset; /* of the global state, from the main thread's start */
};

/* By experiment on a state that is made for it and closed again. False: failure_say was called. */
bool luajit_probe(const struct lua_functions *functions, struct luajit_facts *facts);

/* The main thread of any thread. NULL: its bytes are not what the experiment showed; failure_say was called. */
struct lua_State *luajit_main_thread(const struct lua_functions *functions, const struct luajit_facts *facts,
                                     struct lua_State *thread);

#endif
