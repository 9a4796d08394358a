/*
 * What one object refers to: exactly what LuaJIT's collector would follow from it. Weak keys and values are not
 * followed (but strings among them, which the collector keeps), nor what lies above a stack's top.
 */
#ifndef RESPIRE_WALK_LUA_REFERENCES_H
#define RESPIRE_WALK_LUA_REFERENCES_H

#include "walk/lua_reference_reader.h"

/*
 * Append what `object` refers to. False when it can't be read whole. An object that waits for the sweep refers to
 * nothing: what it referred to may be gone.
 */
bool lua_references_read(struct lua_reference_reader *reader, enum lua_tag tag, address_t object,
    struct lua_object_facts *facts);

#endif
