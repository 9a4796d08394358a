/*
 * lua_functions.h: the Lua functions behind ours, one table per LuaJIT library.
 *
 * A process may hold several LuaJIT libraries, and one loaded by dlopen(RTLD_LOCAL) is not visible to a plain
 * dlsym. So the functions are found from the address of the caller: first in the library it belongs to, then in
 * the program's global scope behind us, then in what the caller's library was linked with.
 */
#ifndef RESPIRE_RUNTIME_LUA_FUNCTIONS_H
#define RESPIRE_RUNTIME_LUA_FUNCTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct lua_State;

typedef void *lua_allocator(void *data, void *object, size_t old_bytes, size_t new_bytes);

struct lua_functions {
    /* The third argument is Lua 5.5's seed; the others ignore it. */
    struct lua_State *(*newstate)(lua_allocator *allocator, void *data, unsigned long seed);
    void (*close)(struct lua_State *state);
    void (*setallocf)(struct lua_State *state, lua_allocator *allocator, void *data);
    int (*(*atpanic)(struct lua_State *state, int (*panic)(struct lua_State *)))(struct lua_State *);
    const char *(*tolstring)(struct lua_State *state, int index, size_t *bytes);
    bool is_luajit;
};

/* Fill the table as seen from `caller` (a return address). False: no lua_newstate and lua_close were found. */
bool lua_functions_find(const void *caller, struct lua_functions *functions);

/* The same where the caller may know no Lua at all: any LuaJIT library of the process will do. */
bool lua_functions_find_any(const void *caller, struct lua_functions *functions);

#endif
