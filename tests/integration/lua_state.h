/*
 * A Lua state in a host that is linked with LuaJIT: opened with its libraries, and made to run code. Whoever includes
 * this has die(), which ends the process with a sentence.
 */
#ifndef RESPIRE_TESTS_LUA_STATE_H
#define RESPIRE_TESTS_LUA_STATE_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

static inline lua_State *open_state(void)
{
    lua_State *L = luaL_newstate();
    if (!L)
        die("no state");
    luaL_openlibs(L);
    return L;
}

/* What the code returns is dropped, and so is all else on the stack. */
static inline void run(lua_State *L, const char *code)
{
    if (luaL_dostring(L, code) != 0)
        die(lua_tostring(L, -1));
    lua_settop(L, 0);
}

#endif
