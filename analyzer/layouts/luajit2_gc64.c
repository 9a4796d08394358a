/*
 * luajit2 (OpenResty's branch), x86-64 with GC64. lua_State carries two fields of ngx_lua at its end, so all
 * that follows in GG_State starts 16 bytes later than in LuaJIT.
 */
#include "layouts/lua_layouts_gc64.h"

/* Measured on Debian's libluajit-5.1-2 2.1.0+openresty20250117 (trixie) and 20251030 (sid), which are this branch. */
const struct lua_layout luajit2_gc64_2024_04 = {
    .name = "luajit2 2024-04 gc64",
    .commits = "luajit2 from LuaJIT's f5affaa6 on (v2.1-20250117, v2.1-20251030)",
    GC64_COMMON,
    .thread = GC64_THREAD(112),
    .global = GC64_GLOBAL(112, 744, 280, 368, 384),
    .jit = GC64_JIT(856, 3048),
    .dispatch = {.offset = 4128, .entries = 243},
    .block_bytes = 6304,
};

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
