/* What rows with 32-bit references share. Used by the rows' files alone. */
#ifndef RESPIRE_LAYOUTS_LUA_ROWS_GC32_H
#define RESPIRE_LAYOUTS_LUA_ROWS_GC32_H

#include "layouts/lua_objects_gc32.h"
#include "layouts/lua_rows.h"

#define GC32_COMMON(its_objects)                                                                                  \
    .objects = &(its_objects),                                                                                    \
    .gc = {.total = 0, .threshold = 4, .current_white = 8, .state = 9, .root = 16, .finalize = 36,                \
           .debt = 40, .estimate = 44, .step_multiplier = 48, .pause = 52},                                       \
    .upvalue_links = {.open_previous = 8, .open_next = 12}

#define GC32_THREAD(thread_bytes)                                                                                 \
    {.bytes = (thread_bytes), .status = 7, .global = 8, .base = 16, .top = 24, .stack = 36, .open_upvalues = 40,  \
     .environment = 44, .stack_slots = 56}

/* `at`: where global_State starts in GG_State. The registry lies behind the buffer, whose pointers grew in 2021. */
#define GC32_GLOBAL(at, global_bytes, strings_at, registry_at, ring_at, c_type_state_at, roots_at)                \
    {.bytes = (global_bytes), .offset = (at), .allocf = 0, .allocd = 8, .gc = 16, .string_table = (strings_at),   \
     .string_mask = (strings_at) + 8, .string_count = (strings_at) + 12, .vm_state = (strings_at) + 32,           \
     .main_thread = (strings_at) + 36, .temporary_buffer = (strings_at) + 40, .registry = (registry_at),          \
     .open_upvalue_head = (ring_at), .current_thread = (ring_at) + 64, .c_type_state = (c_type_state_at),         \
     .roots = (roots_at), .vm_thread = LUA_VM_THREAD(registry_at, ring_at)}

/* Until June 2020 the string table came first. */
#define GC32_GLOBAL_STRINGS_FIRST(at, global_bytes, vm_state_at, c_type_state_at, roots_at)                       \
    {.bytes = (global_bytes), .offset = (at), .string_table = 0, .string_mask = 8, .string_count = 12,            \
     .allocf = 16, .allocd = 24, .gc = 32, .vm_state = (vm_state_at), .temporary_buffer = (vm_state_at) + 4,      \
     .main_thread = (vm_state_at) + 40, .registry = 136, .open_upvalue_head = 184, .current_thread = 248,         \
     .c_type_state = (c_type_state_at), .roots = (roots_at), .vm_thread = LUA_FIELD_ABSENT}

#endif
