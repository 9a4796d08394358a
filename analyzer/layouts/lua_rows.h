/*
 * What each file of rows gives to lua_layouts.c, and what rows of both codings share: so that a row shows only what is
 * its own.
 */
#ifndef RESPIRE_LAYOUTS_LUA_ROWS_H
#define RESPIRE_LAYOUTS_LUA_ROWS_H

#include "layouts/lua_layout.h"

#define LUA_LAYOUT_BRANCH(array) {(array), sizeof(array) / sizeof((array)[0])}

extern const struct lua_layout_branch luajit_gc64, luajit2_gc64, luajit_gc32, luajit2_gc32;

/* What lies between the registry and the ring of open upvalues, if anything does. */
#define LUA_VM_THREAD(registry_at, ring_at)                                                                       \
    ((ring_at) > (registry_at) + 8 ? (registry_at) + 8 : LUA_FIELD_ABSENT)

/* The recorder's buffers lie just before the table of traces. */
#define LUA_JIT(at, traces_at, code_area_at)                                                                      \
    {.offset = (at), .traces = (traces_at), .trace_slots = (traces_at) + 12, .code_area = (code_area_at),         \
     .code_total_bytes = (code_area_at) + 32, .ir_buffer = (traces_at) - 56, .ir_top = (traces_at) - 48,          \
     .ir_bottom = (traces_at) - 44, .snapshot_slots = (traces_at) - 36, .snapshots = (traces_at) - 32,            \
     .snapshot_map = (traces_at) - 24, .snapshot_map_slots = (traces_at) - 16}

#endif
