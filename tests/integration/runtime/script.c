/* A host that runs one Lua file in a state of its own and closes it: `script FILE`. */
#include "host.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

int main(int count, char **arguments)
{
    lua_State *L = luaL_newstate();
    if (count != 2 || !L)
        die("usage: script FILE");
    luaL_openlibs(L);
    if (luaL_dofile(L, arguments[1]) != 0)
        die(lua_tostring(L, -1));
    lua_close(L);
    return 0;
}
