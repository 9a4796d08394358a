/* A host that runs one Lua file, which has the function `fill_from_c(thread, count)`: it fills a table through the API
   of a coroutine. Then the host resumes a coroutine of its own, which runs the file's `yields`, and fills a table
   outside of every Lua function; and calls the file's `after`. */
#include "host.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

static void fill(lua_State *L, int count)
{
    lua_newtable(L);
    for (int i = 1; i <= count; i++) {
        lua_pushinteger(L, i);
        lua_rawseti(L, -2, i);
    }
    lua_pop(L, 1);
}

static int fill_from_c(lua_State *L)
{
    fill(lua_tothread(L, 1), (int)lua_tointeger(L, 2));
    return 0;
}

int main(int count, char **arguments)
{
    lua_State *L = luaL_newstate();
    if (count != 2 || !L)
        die("usage: tables FILE");
    luaL_openlibs(L);
    lua_register(L, "fill_from_c", fill_from_c);
    if (luaL_dofile(L, arguments[1]) != 0)
        die(lua_tostring(L, -1));
    lua_State *idle = lua_newthread(L);
    lua_getglobal(idle, "yields");
    if (lua_resume(idle, 0) != LUA_YIELD)
        die("it did not yield");
    fill(L, 5000);
    lua_getglobal(L, "after");
    if (lua_pcall(L, 0, 0, 0) != 0)
        die(lua_tostring(L, -1));
    lua_close(L);
    return 0;
}
