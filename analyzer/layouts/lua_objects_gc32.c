#include "layouts/lua_objects_gc32.h"

#define GC32_OBJECTS                                                                                              \
    .value_coding = LUA_VALUE_HIGH_32,                                                                            \
    .reference_bytes = 4,                                                                                         \
    .header = {.next = 0, .marked = 4, .type = 5, .function_kind = 6},                                            \
    .userdata = {.bytes = 24, .kind = 6, .length = 12, .environment = 8, .metatable = 16},                        \
    /* Variable-sized cdata: 8 bytes before the object hold u16 offset, u16 extra, u32 length (GCcdataVar). */    \
    .cdata = {.bytes = 8, .type_id = 6, .variable_offset = 8},                                                    \
    .proto = {.bytes = 64, .instructions = 8, .constants = 16, .object_constants = 24,          \
              .total_bytes = 32, .upvalue_count = 36, .trace = 38, .chunk_name = 40, .first_line = 44,            \
              .line_count = 48, .line_info = 52, .upvalue_names = 56, .variable_names = 60},                      \
    .upvalue = {.bytes = 24, .closed = 6, .value = 8, .value_at = 16},                                            \
    .function = {.upvalue_count = 7, .environment = 8, .program = 16, .c_header_bytes = 32,                       \
                 .lua_header_bytes = 20},                                                                         \
    .table = {.bytes = 32, .absent_metamethods = 6, .colocated = 7, .array = 8, .metatable = 16, .nodes = 20,     \
              .array_slots = 24, .hash_mask = 28},                                                                \
    .node = {.bytes = 24, .value = 0, .key = 8},                                                                  \
    .c_types = {.types = 0, .type_slots = 12, .type_bytes = 16, .info = 0, .size = 4, .name = 12}

/* Before 2021-06 there were no string.buffer objects, only the state's own buffer. */
#define GC32_NARROW_BUFFER {.pointer_bytes = 4, .end = 4, .base = 8, .flags = 12}

#define GC32_TRACE_SHARED .bytes = 96, .instructions = 16, .constants_low = 24, .instructions_high = 8

#define GC32_TRACE                                                                                                \
    {GC32_TRACE_SHARED, .snapshots = 6, .snapshot_map_entries = 28, .snapshot_map_entries_bytes = 4,              \
     .snapshot_list = 32, .snapshot_map = 40, .start_proto = 48, .number = 80, .link = 82, .next_root = 86,       \
     .next_side = 88}

const struct lua_object_layout lua_objects_gc32 = {
    GC32_OBJECTS,
    .string = {.bytes = 20, .length = 16, .unit = 4},
    .trace = GC32_TRACE,
    .trace_parts = {.snapshot_bytes = 12, .snapshot_map_entry_bytes = 4, .instruction_bytes = 8},
    .string_buffer = {.pointer_bytes = 8, .end = 8, .base = 16, .flags = 24, .copied_from = 28, .keys = 40,
                      .metatables = 44},
};

const struct lua_object_layout lua_objects_gc32_2020_06 = {
    GC32_OBJECTS,
    .string = {.bytes = 20, .length = 16, .unit = 4},
    .trace = GC32_TRACE,
    .trace_parts = {.snapshot_bytes = 12, .snapshot_map_entry_bytes = 4, .instruction_bytes = 8},
    .string_buffer = GC32_NARROW_BUFFER,
};

const struct lua_object_layout lua_objects_gc32_2019_01 = {
    GC32_OBJECTS,
    .string = {.bytes = 16, .length = 12, .unit = 1},
    .trace = GC32_TRACE,
    .trace_parts = {.snapshot_bytes = 12, .snapshot_map_entry_bytes = 4, .instruction_bytes = 8},
    .string_buffer = GC32_NARROW_BUFFER,
};

const struct lua_object_layout lua_objects_gc32_2018_12 = {
    GC32_OBJECTS,
    .string = {.bytes = 16, .length = 12, .unit = 1},
    .trace = {GC32_TRACE_SHARED, .snapshots = 28, .snapshot_map_entries = 32, .snapshot_map_entries_bytes = 4,
              .snapshot_list = 40, .snapshot_map = 48, .start_proto = 36, .number = 84, .link = 86, .next_root = 90,
              .next_side = 92},
    .trace_parts = {.snapshot_bytes = 12, .snapshot_map_entry_bytes = 4, .instruction_bytes = 8},
    .string_buffer = GC32_NARROW_BUFFER,
};

const struct lua_object_layout lua_objects_gc32_2015_08 = {
    GC32_OBJECTS,
    .string = {.bytes = 16, .length = 12, .unit = 1},
    .trace = {GC32_TRACE_SHARED, .snapshots = 28, .snapshot_map_entries = 30, .snapshot_map_entries_bytes = 2,
              .snapshot_list = 32, .snapshot_map = 40, .start_proto = 48, .number = 80, .link = 82, .next_root = 86,
              .next_side = 88},
    .trace_parts = {.snapshot_bytes = 8, .snapshot_map_entry_bytes = 4, .instruction_bytes = 8},
    .string_buffer = GC32_NARROW_BUFFER,
};
