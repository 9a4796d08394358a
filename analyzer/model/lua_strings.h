/* What the strings of a state have in common. They are all counted, those that are garbage too, each exactly once. */
#ifndef RESPIRE_MODEL_LUA_STRINGS_H
#define RESPIRE_MODEL_LUA_STRINGS_H

#include "model/lua_holders.h"

struct lua_strings {
    struct group_rows patterns; /* "user:%d"; with contents hidden "a{4}:%d" */
    struct group_rows sizes;    /* by the length that Lua sees: "0", "1", "2-3", "4-7", ... */
};

void lua_strings_free(struct lua_strings *strings);

#endif
