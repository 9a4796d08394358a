/* The types of collectable objects, in LuaJIT's own order. */
#ifndef RESPIRE_MODEL_LUA_TYPE_H
#define RESPIRE_MODEL_LUA_TYPE_H

enum lua_type {
    LUA_TYPE_STRING,
    LUA_TYPE_UPVALUE,
    LUA_TYPE_THREAD,
    LUA_TYPE_PROTO,
    LUA_TYPE_FUNCTION,
    LUA_TYPE_TRACE,
    LUA_TYPE_CDATA,
    LUA_TYPE_TABLE,
    LUA_TYPE_USERDATA,
    LUA_TYPES,
};

const char *lua_type_name(enum lua_type type);

#endif
