/*
 * What all GC64 families since 2020-09 share, so that a row shows only what is its own. Used by the rows'
 * files alone.
 */
#ifndef RESPIRE_LAYOUTS_LUA_LAYOUTS_GC64_H
#define RESPIRE_LAYOUTS_LUA_LAYOUTS_GC64_H

#include "layouts/lua_layout.h"

#define GC64_COMMON                                                                                          \
    .objects = &lua_objects_gc64,                                                                            \
    .gc = {.total = 0, .threshold = 8, .current_white = 16, .state = 17, .root = 24, .finalize = 64,         \
           .debt = 72, .estimate = 80, .step_multiplier = 88, .pause = 92},                                  \
    .upvalue_links = {.open_previous = 16, .open_next = 24}

#define GC64_THREAD(thread_bytes)                                                                            \
    {.bytes = (thread_bytes), .status = 11, .global = 16, .base = 32, .top = 40, .stack = 56,                \
     .open_upvalues = 64, .environment = 72, .stack_slots = 88}

/* `at`: where global_State starts in GG_State. Its last field, the roots, follows that of the FFI and four others. */
#define GC64_GLOBAL(at, global_bytes, upvalue_head_at, current_thread_at, c_type_state_at)                   \
    {.bytes = (global_bytes), .offset = (at), .allocf = 0, .allocd = 8, .gc = 16, .main_thread = 192,        \
     .temporary_buffer = 200, .registry = 272, .open_upvalue_head = (upvalue_head_at),                       \
     .current_thread = (current_thread_at), .string_table = 152, .string_mask = 160, .string_count = 164,    \
     .c_type_state = (c_type_state_at), .vm_state = 184, .roots = (c_type_state_at) + 40}

#define GC64_JIT(at, code_area_at)                                                                           \
    {.offset = (at), .traces = 384, .trace_slots = 396, .code_area = (code_area_at),                         \
     .code_total_bytes = (code_area_at) + 32,                                                                \
     .ir_buffer = 328, .ir_top = 336, .ir_bottom = 340, .snapshot_slots = 348, .snapshots = 352,             \
     .snapshot_map = 360, .snapshot_map_slots = 368}

extern const struct lua_layout luajit_gc64_2026_07;
extern const struct lua_layout luajit_gc64_2025_11_10;
extern const struct lua_layout luajit_gc64_2025_11_06;
extern const struct lua_layout luajit_gc64_2024_04;
extern const struct lua_layout luajit_gc64_2021_03;
extern const struct lua_layout luajit_gc64_2020_09;
extern const struct lua_layout luajit2_gc64_2024_04;
extern const struct lua_layout luajit2_gc64_2021_06;
extern const struct lua_layout luajit2_gc64_2020_10;

#endif
