/* What rows with 64-bit references share. Used by the rows' files alone. */
#ifndef RESPIRE_LAYOUTS_LUA_ROWS_GC64_H
#define RESPIRE_LAYOUTS_LUA_ROWS_GC64_H

#include "layouts/lua_objects_gc64.h"
#include "layouts/lua_rows.h"

#define GC64_COMMON(its_objects)                                                                                  \
    .objects = &(its_objects),                                                                                    \
    .gc = {.total = 0, .threshold = 8, .current_white = 16, .state = 17, .root = 24, .finalize = 64,              \
           .debt = 72, .estimate = 80, .step_multiplier = 88, .pause = 92},                                       \
    .upvalue_links = {.open_previous = 16, .open_next = 24}

#define GC64_THREAD(thread_bytes)                                                                                 \
    {.bytes = (thread_bytes), .status = 11, .global = 16, .base = 32, .top = 40, .stack = 56,                     \
     .open_upvalues = 64, .environment = 72, .stack_slots = 88}

/* `at`: where global_State starts in GG_State. */
#define GC64_GLOBAL(at, global_bytes, strings_at, ring_at, c_type_state_at)                                       \
    {.bytes = (global_bytes), .offset = (at), .allocf = 0, .allocd = 8, .gc = 16, .string_table = (strings_at),   \
     .string_mask = (strings_at) + 8, .string_count = (strings_at) + 12, .vm_state = (strings_at) + 32,           \
     .main_thread = (strings_at) + 40, .temporary_buffer = (strings_at) + 48, .registry = (strings_at) + 120,     \
     .open_upvalue_head = (ring_at), .current_thread = (ring_at) + 88, .c_type_state = (c_type_state_at),         \
     .roots = (c_type_state_at) + 40, .vm_thread = LUA_VM_THREAD((strings_at) + 120, ring_at)}

/* Until June 2020 the string table came first. */
#define GC64_GLOBAL_STRINGS_FIRST(at, global_bytes, c_type_state_at, roots_at)                                    \
    {.bytes = (global_bytes), .offset = (at), .string_table = 0, .string_mask = 8, .string_count = 12,            \
     .allocf = 16, .allocd = 24, .gc = 32, .vm_state = 128, .temporary_buffer = 136, .main_thread = 200,          \
     .registry = 208, .open_upvalue_head = 256, .current_thread = 344, .c_type_state = (c_type_state_at),         \
     .roots = (roots_at), .vm_thread = LUA_FIELD_ABSENT}

#endif
