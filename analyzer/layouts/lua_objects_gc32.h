/* Collectable objects of LuaJIT with 32-bit references, in a 64-bit process. They changed thrice: docs/LAYOUTS.md. */
#ifndef RESPIRE_LAYOUTS_LUA_OBJECTS_GC32_H
#define RESPIRE_LAYOUTS_LUA_OBJECTS_GC32_H

#include "layouts/lua_layout.h"

extern const struct lua_object_layout lua_objects_gc32;         /* since 2021-06: string buffers with wide pointers */
extern const struct lua_object_layout lua_objects_gc32_2020_06; /* strings moved their length */
extern const struct lua_object_layout lua_objects_gc32_2019_01; /* larger traces */
extern const struct lua_object_layout lua_objects_gc32_2018_12; /* luajit2's own larger traces, for four weeks */
extern const struct lua_object_layout lua_objects_gc32_2015_08;

#endif
