/* Collectable objects of 64-bit-reference LuaJIT (GC64) since mid-2020, when strings moved their length to +20. */
#include "layouts/lua_layout.h"

const struct lua_object_layout lua_objects_gc64 = {
    .header = {.next = 0, .marked = 8, .type = 9, .function_kind = 10},
    .string = {.bytes = 24, .length = 20},
    .userdata = {.bytes = 48, .kind = 10, .length = 24},
    /* Variable-sized cdata: 8 bytes before the object hold u16 offset, u16 extra, u32 length (GCcdataVar). */
    .cdata = {.bytes = 16, .type_id = 10, .variable_offset = 8},
    .proto = {.total_bytes = 56},
    .upvalue = {.bytes = 48},
    .function = {.upvalue_count = 11, .c_header_bytes = 48, .lua_header_bytes = 40},
    .table = {.bytes = 64, .colocated = 11, .array = 16, .nodes = 40, .array_slots = 48, .hash_mask = 52},
    .node = {.bytes = 24},
    .trace = {.bytes = 120, .constants_low = 40, .instructions_high = 12, .snapshots = 10, .snapshot_map_entries = 44},
    .trace_parts = {.snapshot_bytes = 12, .snapshot_map_entry_bytes = 4, .instruction_bytes = 8},
    .c_types = {.types = 0, .type_slots = 12, .type_bytes = 24, .info = 0, .size = 4},
    .string_buffer = {.end = 8, .base = 16, .flags = 24},
};
