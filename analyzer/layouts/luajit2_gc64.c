/*
 * luajit2 (OpenResty's branch), x86-64 with GC64. lua_State carries two fields of ngx_lua at its end, so all
 * that follows in GG_State starts 16 bytes later than in LuaJIT.
 */
#include "layouts/lua_layouts_gc64.h"

const struct lua_layout luajit2_gc64_2021_06 = {
    .name = "luajit2 2021-06 gc64",
    .commits = "luajit2 15e77d84..2445b59a (2021-06-07 .. 2024-02-25)",
    GC64_COMMON,
    .thread = GC64_THREAD(112),
    .global = GC64_GLOBAL(112, 736, 280, 368, 384),
    .jit = GC64_JIT(848, 3048),
    .dispatch = {.offset = 4120, .entries = 243},
    .block_bytes = 6296,
};

const struct lua_layout luajit2_gc64_2020_10 = {
    .name = "luajit2 2020-10 gc64",
    .commits = "luajit2 fe32831a..fe088424 (2020-10-12 .. 2021-02-26)",
    GC64_COMMON,
    .thread = GC64_THREAD(112),
    .global = GC64_GLOBAL(112, 736, 280, 368, 384),
    .jit = GC64_JIT(848, 3040),
    .dispatch = {.offset = 4112, .entries = 243},
    .block_bytes = 6288,
};
