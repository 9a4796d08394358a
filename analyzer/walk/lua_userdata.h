/* What a userdata is called: by its metatable, which is what makes it one kind rather than another. */
#ifndef RESPIRE_WALK_LUA_USERDATA_H
#define RESPIRE_WALK_LUA_USERDATA_H

#include "walk/lua_text.h"

/*
 * The metatable's __name; or the name under which C code registered the metatable (luaL_newmetatable); or what kind
 * LuaJIT itself says it is: "io.file", "ffi.clib", "string.buffer", "userdata".
 */
bool lua_userdata_name(struct lua_reader *reader, address_t main_thread, address_t userdata,
    char name[OBJECT_NAME_BYTES]);

#endif
