/*
 * What a prototype, the compiled form of a function, says of its source: chunk and line, names of upvalues and of local
 * variables. All of it lies inside the prototype's own block, and may have been stripped.
 */
#ifndef RESPIRE_WALK_LUA_SOURCE_H
#define RESPIRE_WALK_LUA_SOURCE_H

#include "walk/lua_text.h"

struct lua_proto {
    address_t at;
    uint32_t bytes;               /* of the block */
    uint32_t instructions;
    uint32_t first_line, line_count;
    unsigned upvalues;
    address_t chunk_name;
    uint64_t line_info, upvalue_names, variable_names; /* offsets in the block; 0: stripped */
};

/* False when no prototype lies there. */
bool lua_proto_read(struct lua_reader *reader, address_t at, struct lua_proto *proto);

/* The prototype of a Lua function; false for a C function. */
bool lua_proto_of_function(struct lua_reader *reader, address_t function, struct lua_proto *proto);

/* The line of instruction `index`; the first line of the function where that is not known. */
uint32_t lua_proto_line(struct lua_reader *reader, const struct lua_proto *proto, uint32_t index);

/*
 * "app/router.lua:42". A chunk that was compiled from a string is "[string]", because Lua would call it by its text.
 * Without a line when that is 0: of a main chunk. A long file name loses its start.
 */
void lua_proto_place(struct lua_reader *reader, const struct lua_proto *proto, uint32_t line,
    char name[OBJECT_NAME_BYTES]);

bool lua_proto_upvalue_name(struct lua_reader *reader, const struct lua_proto *proto, uint32_t upvalue,
    char name[OBJECT_NAME_BYTES]);

/* The variable in a slot of the frame (from 0) while instruction `index` runs; false for a temporary value. */
bool lua_proto_local_name(struct lua_reader *reader, const struct lua_proto *proto, uint32_t index, uint32_t slot,
    char name[OBJECT_NAME_BYTES]);

#endif
