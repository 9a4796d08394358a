/*
 * lua_functions.h: the Lua functions behind ours, one table per LuaJIT library.
 *
 * A process may hold several LuaJIT libraries, and one loaded by dlopen(RTLD_LOCAL) is not visible to a plain
 * dlsym. So the functions are found from the address of the caller: first in the library or program it belongs to,
 * then in the program's global scope behind us, then in what the caller's library was linked with.
 */
#ifndef RESPIRE_RUNTIME_LUA_FUNCTIONS_H
#define RESPIRE_RUNTIME_LUA_FUNCTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lua_State;

typedef void *lua_allocator(void *data, void *object, size_t old_bytes, size_t new_bytes);
typedef int lua_function(struct lua_State *state);

/* What LuaJIT's luaL_newstate passes to lua_newstate: a mark that stands for LuaJIT's own allocator. */
#define INTERNAL_ALLOCATOR ((lua_allocator *)(uintptr_t)(1237 << 4))

/*
 * One row per function that the runtime calls: ROW(field, symbol, result, arguments). The third argument of newstate is
 * Lua 5.5's seed; the others ignore it.
 */
#define LUA_FUNCTION_ROWS(ROW)                                                                        \
    ROW(newstate, "lua_newstate", struct lua_State *, (lua_allocator *, void *, unsigned long))       \
    ROW(close, "lua_close", void, (struct lua_State *))                                               \
    ROW(getallocf, "lua_getallocf", lua_allocator *, (struct lua_State *, void **))                   \
    ROW(setallocf, "lua_setallocf", void, (struct lua_State *, lua_allocator *, void *))              \
    ROW(atpanic, "lua_atpanic", lua_function *, (struct lua_State *, lua_function *))                 \
    ROW(tolstring, "lua_tolstring", const char *, (struct lua_State *, int, size_t *))                \
    ROW(open, "luaL_newstate", struct lua_State *, (void))                                            \
    ROW(pushthread, "lua_pushthread", int, (struct lua_State *))                                      \
    ROW(settop, "lua_settop", void, (struct lua_State *, int))                                        \
    ROW(type, "lua_type", int, (struct lua_State *, int))                                             \
    ROW(toboolean, "lua_toboolean", int, (struct lua_State *, int))                                   \
    ROW(createtable, "lua_createtable", void, (struct lua_State *, int, int))                         \
    ROW(setfield, "lua_setfield", void, (struct lua_State *, int, const char *))                      \
    ROW(rawseti, "lua_rawseti", void, (struct lua_State *, int, int))                                 \
    ROW(pushcclosure, "lua_pushcclosure", void, (struct lua_State *, lua_function *, int))            \
    ROW(pushnil, "lua_pushnil", void, (struct lua_State *))                                           \
    ROW(pushboolean, "lua_pushboolean", void, (struct lua_State *, int))                              \
    ROW(pushnumber, "lua_pushnumber", void, (struct lua_State *, double))                             \
    ROW(pushstring, "lua_pushstring", void, (struct lua_State *, const char *))                       \
    ROW(error, "lua_error", int, (struct lua_State *))

/* What steps the collector; a program that LuaJIT is linked into statically may have left out some of them. */
#define LUA_COLLECTOR_ROWS(ROW)                                                                       \
    ROW(gc, "lua_gc", int, (struct lua_State *, int, int))                                            \
    ROW(cpcall, "lua_cpcall", int, (struct lua_State *, lua_function *, void *))                      \
    ROW(status, "lua_status", int, (struct lua_State *))                                              \
    ROW(getstack, "lua_getstack", int, (struct lua_State *, int, void *))                             \
    ROW(getinfo, "lua_getinfo", int, (struct lua_State *, const char *, void *))                      \
    ROW(gethookmask, "lua_gethookmask", int, (struct lua_State *))                                    \
    ROW(newthread, "lua_newthread", struct lua_State *, (struct lua_State *))                         \
    ROW(resume, "lua_resume", int, (struct lua_State *, int))                                         \
    ROW(loadbuffer, "luaL_loadbuffer", int, (struct lua_State *, const char *, size_t, const char *)) \
    ROW(openjit, "luaopen_jit", int, (struct lua_State *))

struct lua_functions {
#define LUA_FUNCTION_FIELD(field, symbol, result, arguments) result(*field) arguments;
    LUA_FUNCTION_ROWS(LUA_FUNCTION_FIELD)
    LUA_COLLECTOR_ROWS(LUA_FUNCTION_FIELD)
#undef LUA_FUNCTION_FIELD
    bool is_luajit; /* and every row of the first list is there: in other Luas, rows that they do not have are NULL */
    bool can_step;  /* ... and every row of the second */
};

/* Fill the table as seen from `caller` (a return address), or of the only Lua of the process. False: there is none, or
   the caller has to do with none of several. */
bool lua_functions_find(const void *caller, struct lua_functions *functions);

/* The same where any LuaJIT of the process will do. */
bool lua_functions_find_luajit(const void *caller, struct lua_functions *functions);

#endif
