/* Collectable objects of LuaJIT with 64-bit references (GC64). They changed twice: docs/LAYOUTS.md. */
#ifndef RESPIRE_LAYOUTS_LUA_OBJECTS_GC64_H
#define RESPIRE_LAYOUTS_LUA_OBJECTS_GC64_H

#include "layouts/lua_layout.h"

extern const struct lua_object_layout lua_objects_gc64;         /* since 2020-06, when strings moved their length */
extern const struct lua_object_layout lua_objects_gc64_2019_01; /* larger traces */
extern const struct lua_object_layout lua_objects_gc64_2018_12; /* luajit2's own larger traces, for four weeks */
extern const struct lua_object_layout lua_objects_gc64_2016_05;

#endif
