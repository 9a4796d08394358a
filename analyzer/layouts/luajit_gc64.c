/*
 * LuaJIT (luajit.org), branch v2.1, x86-64 with GC64, since it has a JIT compiler for it.
 *
 * The families differ in global_State (2020-06: the string table moved behind the collector; 2020-09, 2025-11: it
 * grew; 2024-04: at its end), in the JIT state, in the dispatch table (2026-07: more bytecodes), and those of 2016 and
 * 2019 in their traces alone.
 */
#include "layouts/lua_rows_gc64.h"

static const struct lua_layout rows[] = {
    {
        .name = "luajit 2026-07 gc64",
        .commits = "LuaJIT a2ce8114..faaf6633 (2026-07-20 .. 2026-07-28)",
        GC64_COMMON(lua_objects_gc64),
        .thread = GC64_THREAD(96),
        .global = GC64_GLOBAL(96, 744, 152, 288, 392),
        .jit = LUA_JIT(840, 384, 3048),
        .dispatch = {.offset = 4096, .entries = 257},
        .block_bytes = 6384,
    },
    {
        .name = "luajit 2025-11 gc64",
        .commits = "LuaJIT 5c647754..7ff85518 (2025-11-10 .. 2026-06-24)",
        GC64_COMMON(lua_objects_gc64),
        .thread = GC64_THREAD(96),
        .global = GC64_GLOBAL(96, 744, 152, 288, 392),
        .jit = LUA_JIT(840, 384, 3048),
        .dispatch = {.offset = 4096, .entries = 243},
        .block_bytes = 6272,
    },
    {
        .name = "luajit 2025-11-06 gc64",
        .commits = "LuaJIT 68354f44..578c41ce (2025-11-06 .. 2025-11-08)",
        GC64_COMMON(lua_objects_gc64),
        .thread = GC64_THREAD(96),
        .global = GC64_GLOBAL(96, 736, 152, 280, 384),
        .jit = LUA_JIT(832, 384, 3048),
        .dispatch = {.offset = 4088, .entries = 243},
        .block_bytes = 6264,
    },
    {
        .name = "luajit 2024-04 gc64",
        .commits = "LuaJIT f5affaa6..8651ef6d (2024-04-19 .. 2025-10-28)",
        GC64_COMMON(lua_objects_gc64),
        .thread = GC64_THREAD(96),
        .global = GC64_GLOBAL(96, 736, 152, 280, 384),
        .jit = LUA_JIT(832, 384, 3048),
        .dispatch = {.offset = 4072, .entries = 243},
        .block_bytes = 6248,
    },
    {
        .name = "luajit 2021-03 gc64",
        .commits = "LuaJIT a32aeadc..d2fe2a6d (2021-03-23 .. 2024-04-19)",
        GC64_COMMON(lua_objects_gc64),
        .thread = GC64_THREAD(96),
        .global = GC64_GLOBAL(96, 728, 152, 280, 384),
        .jit = LUA_JIT(824, 384, 3048),
        .dispatch = {.offset = 4064, .entries = 243},
        .block_bytes = 6240,
    },
    {
        .name = "luajit 2020-09 gc64",
        .commits = "LuaJIT e9af1abe..ddd0fd8f (2020-09-30 .. 2021-03-23)",
        GC64_COMMON(lua_objects_gc64),
        .thread = GC64_THREAD(96),
        .global = GC64_GLOBAL(96, 728, 152, 280, 384),
        .jit = LUA_JIT(824, 384, 3040),
        .dispatch = {.offset = 4056, .entries = 243},
        .block_bytes = 6232,
    },
    {
        .name = "luajit 2020-06 gc64",
        .commits = "LuaJIT ff34b48d..518e8cbe (2020-06-23 .. 2020-09-22)",
        GC64_COMMON(lua_objects_gc64),
        .thread = GC64_THREAD(96),
        .global = GC64_GLOBAL(96, 720, 144, 272, 376),
        .jit = LUA_JIT(816, 384, 3040),
        .dispatch = {.offset = 4048, .entries = 243},
        .block_bytes = 6224,
    },
    {
        .name = "luajit 2020-06-15 gc64",
        .commits = "LuaJIT a44f53ac (2020-06-15)",
        GC64_COMMON(lua_objects_gc64_2019_01),
        .thread = GC64_THREAD(96),
        .global = GC64_GLOBAL_STRINGS_FIRST(96, 704, 360, 400),
        .jit = LUA_JIT(800, 384, 3040),
        .dispatch = {.offset = 4032, .entries = 243},
        .block_bytes = 6208,
    },
    {
        .name = "luajit 2019-01 gc64",
        .commits = "LuaJIT 749e99ce..34e53736 (2019-01-10 .. 2020-06-15)",
        GC64_COMMON(lua_objects_gc64_2019_01),
        .thread = GC64_THREAD(96),
        .global = GC64_GLOBAL_STRINGS_FIRST(96, 672, 360, 368),
        .jit = LUA_JIT(768, 392, 3056),
        .dispatch = {.offset = 4016, .entries = 243},
        .block_bytes = 6192,
    },
    {
        .name = "luajit 2020-05 gc64",
        .commits = "LuaJIT 5655be45..b2307c8a (2020-05-22 .. 2020-05-23)",
        GC64_COMMON(lua_objects_gc64_2019_01),
        .thread = GC64_THREAD(96),
        .global = GC64_GLOBAL_STRINGS_FIRST(96, 672, 360, 368),
        .jit = LUA_JIT(768, 392, 3048),
        .dispatch = {.offset = 4008, .entries = 243},
        .block_bytes = 6184,
    },
    {
        .name = "luajit 2016-05 gc64",
        .commits = "LuaJIT 2868715d..c3c54ce1 (2016-05-23 .. 2018-06-05)",
        GC64_COMMON(lua_objects_gc64_2016_05),
        .thread = GC64_THREAD(96),
        .global = GC64_GLOBAL_STRINGS_FIRST(96, 672, 360, 368),
        .jit = LUA_JIT(768, 392, 3056),
        .dispatch = {.offset = 4016, .entries = 243},
        .block_bytes = 6192,
    },
};

const struct lua_layout_branch luajit_gc64 = LUA_LAYOUT_BRANCH(rows);
