/* The names of the FFI's C types, as a C programmer writes them: "struct node *", "uint8_t [1024]". */
#ifndef RESPIRE_WALK_LUA_C_TYPES_H
#define RESPIRE_WALK_LUA_C_TYPES_H

#include "walk/lua_text.h"

/* The FFI's table of types. */
struct lua_c_types {
    address_t at;
    uint32_t slots; /* 0: the FFI is not loaded */
};

struct lua_c_types lua_c_types_find(struct lua_reader *reader, address_t main_thread);

bool lua_c_type_name(struct lua_reader *reader, const struct lua_c_types *types, uint32_t id,
    char name[OBJECT_NAME_BYTES]);

#endif
