/*
 * LuaJIT (luajit.org), branch v2.1, x86-64 with GC64.
 *
 * The families differ in three places: global_State grew before cur_L (2025-11) and at its end (2024-04), the JIT state
 * grew (2021-03, 2025-11), and the dispatch table got seven more bytecodes (2026-07).
 */
#include "layouts/lua_layouts_gc64.h"

const struct lua_layout luajit_gc64_2026_07 = {
    .name = "luajit 2026-07 gc64",
    .commits = "LuaJIT a2ce8114..faaf6633 (2026-07-20 .. 2026-07-28)",
    GC64_COMMON,
    .thread = GC64_THREAD(96),
    .global = GC64_GLOBAL(96, 744, 288, 376, 392),
    .jit = GC64_JIT(840, 3048),
    .dispatch = {.offset = 4096, .entries = 257},
    .block_bytes = 6384,
};

const struct lua_layout luajit_gc64_2025_11_10 = {
    .name = "luajit 2025-11 gc64",
    .commits = "LuaJIT 5c647754..7ff85518 (2025-11-10 .. 2026-06-24)",
    GC64_COMMON,
    .thread = GC64_THREAD(96),
    .global = GC64_GLOBAL(96, 744, 288, 376, 392),
    .jit = GC64_JIT(840, 3048),
    .dispatch = {.offset = 4096, .entries = 243},
    .block_bytes = 6272,
};

const struct lua_layout luajit_gc64_2025_11_06 = {
    .name = "luajit 2025-11-06 gc64",
    .commits = "LuaJIT 68354f44..578c41ce (2025-11-06 .. 2025-11-08)",
    GC64_COMMON,
    .thread = GC64_THREAD(96),
    .global = GC64_GLOBAL(96, 736, 280, 368, 384),
    .jit = GC64_JIT(832, 3048),
    .dispatch = {.offset = 4088, .entries = 243},
    .block_bytes = 6264,
};

const struct lua_layout luajit_gc64_2024_04 = {
    .name = "luajit 2024-04 gc64",
    .commits = "LuaJIT f5affaa6..8651ef6d (2024-04-19 .. 2025-10-28)",
    GC64_COMMON,
    .thread = GC64_THREAD(96),
    .global = GC64_GLOBAL(96, 736, 280, 368, 384),
    .jit = GC64_JIT(832, 3048),
    .dispatch = {.offset = 4072, .entries = 243},
    .block_bytes = 6248,
};

const struct lua_layout luajit_gc64_2021_03 = {
    .name = "luajit 2021-03 gc64",
    .commits = "LuaJIT a32aeadc..d2fe2a6d (2021-03-23 .. 2024-04-19)",
    GC64_COMMON,
    .thread = GC64_THREAD(96),
    .global = GC64_GLOBAL(96, 728, 280, 368, 384),
    .jit = GC64_JIT(824, 3048),
    .dispatch = {.offset = 4064, .entries = 243},
    .block_bytes = 6240,
};

const struct lua_layout luajit_gc64_2020_09 = {
    .name = "luajit 2020-09 gc64",
    .commits = "LuaJIT e9af1abe..ddd0fd8f (2020-09-30 .. 2021-03-23)",
    GC64_COMMON,
    .thread = GC64_THREAD(96),
    .global = GC64_GLOBAL(96, 728, 280, 368, 384),
    .jit = GC64_JIT(824, 3040),
    .dispatch = {.offset = 4056, .entries = 243},
    .block_bytes = 6232,
};
