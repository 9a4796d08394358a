#include "layouts/lua_objects_gc64.h"

#define GC64_OBJECTS                                                                                              \
    .value_coding = LUA_VALUE_HIGH_17,                                                                            \
    .reference_bytes = 8,                                                                                         \
    .header = {.next = 0, .marked = 8, .type = 9, .function_kind = 10},                                           \
    .userdata = {.bytes = 48, .kind = 10, .length = 24, .environment = 16, .metatable = 32},                      \
    /* Variable-sized cdata: 8 bytes before the object hold u16 offset, u16 extra, u32 length (GCcdataVar). */    \
    .cdata = {.bytes = 16, .type_id = 10, .variable_offset = 8},                                                  \
    .proto = {.bytes = 104, .instructions = 12, .constants = 32, .object_constants = 48,       \
              .total_bytes = 56, .upvalue_count = 60, .trace = 62, .chunk_name = 64, .first_line = 72,            \
              .line_count = 76, .line_info = 80, .upvalue_names = 88, .variable_names = 96},                      \
    .upvalue = {.bytes = 48, .closed = 10, .value = 16, .value_at = 32},                                          \
    .function = {.upvalue_count = 11, .environment = 16, .program = 32, .c_header_bytes = 48,                     \
                 .lua_header_bytes = 40},                                                                         \
    .table = {.bytes = 64, .absent_metamethods = 10, .colocated = 11, .array = 16, .metatable = 32, .nodes = 40,  \
              .array_slots = 48, .hash_mask = 52},                                                                \
    .node = {.bytes = 24, .value = 0, .key = 8},                                                                  \
    .c_types = {.types = 0, .type_slots = 12, .type_bytes = 24, .info = 0, .size = 4, .name = 16},                \
    .string_buffer = {.pointer_bytes = 8, .end = 8, .base = 16, .flags = 24, .copied_from = 32, .keys = 48,       \
                      .metatables = 56}

#define GC64_TRACE_SHARED .bytes = 120, .instructions = 32, .constants_low = 40, .instructions_high = 12

#define GC64_TRACE                                                                                                \
    {GC64_TRACE_SHARED, .snapshots = 10, .snapshot_map_entries = 44, .snapshot_map_entries_bytes = 4,             \
     .snapshot_list = 48, .snapshot_map = 56, .start_proto = 64, .number = 104, .link = 106, .next_root = 110,    \
     .next_side = 112}

const struct lua_object_layout lua_objects_gc64 = {
    GC64_OBJECTS,
    .string = {.bytes = 24, .length = 20, .unit = 4},
    .trace = GC64_TRACE,
    .trace_parts = {.snapshot_bytes = 12, .snapshot_map_entry_bytes = 4, .instruction_bytes = 8},
};

const struct lua_object_layout lua_objects_gc64_2019_01 = {
    GC64_OBJECTS,
    .string = {.bytes = 24, .length = 16, .unit = 1},
    .trace = GC64_TRACE,
    .trace_parts = {.snapshot_bytes = 12, .snapshot_map_entry_bytes = 4, .instruction_bytes = 8},
};

const struct lua_object_layout lua_objects_gc64_2018_12 = {
    GC64_OBJECTS,
    .string = {.bytes = 24, .length = 16, .unit = 1},
    .trace = {GC64_TRACE_SHARED, .snapshots = 44, .snapshot_map_entries = 16, .snapshot_map_entries_bytes = 4,
              .snapshot_list = 56, .snapshot_map = 64, .start_proto = 48, .number = 108, .link = 110, .next_root = 114,
              .next_side = 116},
    .trace_parts = {.snapshot_bytes = 12, .snapshot_map_entry_bytes = 4, .instruction_bytes = 8},
};

const struct lua_object_layout lua_objects_gc64_2016_05 = {
    GC64_OBJECTS,
    .string = {.bytes = 24, .length = 16, .unit = 1},
    .trace = {GC64_TRACE_SHARED, .snapshots = 44, .snapshot_map_entries = 46, .snapshot_map_entries_bytes = 2,
              .snapshot_list = 48, .snapshot_map = 56, .start_proto = 64, .number = 104, .link = 106, .next_root = 110,
              .next_side = 112},
    .trace_parts = {.snapshot_bytes = 8, .snapshot_map_entry_bytes = 4, .instruction_bytes = 8},
};
