/*
 * LuaJIT's structures as plain data: offsets and sizes in bytes, one row per family of releases that share them.
 *
 * Source: compiled from every commit of LuaJIT and of luajit2 (OpenResty) that touched the headers; a family is
 * all commits with equal numbers. docs/LAYOUTS.md says how to add one. A walker never asks for a version:
 * it takes the row that lua_layout_choose() proved on the target's own bytes.
 */
#ifndef RESPIRE_LAYOUTS_LUA_LAYOUT_H
#define RESPIRE_LAYOUTS_LUA_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

/* The type byte of a collectable object (gct). Same in all releases of LuaJIT 2.x. */
enum lua_tag {
    LUA_TAG_STRING = 4,
    LUA_TAG_UPVALUE = 5,
    LUA_TAG_THREAD = 6,
    LUA_TAG_PROTO = 7,
    LUA_TAG_FUNCTION = 8,
    LUA_TAG_TRACE = 9,
    LUA_TAG_CDATA = 10,
    LUA_TAG_TABLE = 11,
    LUA_TAG_USERDATA = 12,
    LUA_TAG_END,
};

/* How a value (TValue) tells its type. Both are 8 bytes. */
enum lua_value_coding {
    LUA_VALUE_HIGH_17, /* 64-bit references: the upper 17 bits are the type, 47 bits the address */
    LUA_VALUE_HIGH_32, /* 32-bit references: the upper word is the type, the lower the address */
};

/*
 * Structures of collectable objects; shared by many families. Values are 8 bytes, references (GCRef, MRef) are
 * reference_bytes. Read both through layouts/lua_value.h.
 */
struct lua_object_layout {
    enum lua_value_coding value_coding;
    uint16_t reference_bytes;
    struct { uint16_t next, marked, type, function_kind; } header;
    struct { uint16_t bytes, length, unit; } string;                 /* then characters and a zero, in whole units */
    struct { uint16_t bytes, kind, length, environment, metatable; } userdata;
    struct { uint16_t bytes, type_id, variable_offset; } cdata;
    /* After the structure: instructions; constants points between collectable ones (before it) and numbers. */
    struct {
        uint16_t bytes, instructions, constants, object_constants, total_bytes, upvalue_count, trace;
        uint16_t chunk_name, first_line, line_count, line_info, upvalue_names, variable_names;
    } proto;
    struct { uint16_t bytes, closed, value, value_at; } upvalue;     /* value_at: pointer to it: own, or on a stack */
    struct {
        uint16_t upvalue_count, environment, program; /* program: the first instruction; the proto ends there */
        uint16_t c_header_bytes, lua_header_bytes;    /* then upvalues: values of a C function, references of Lua's */
    } function;
    struct { uint16_t bytes, absent_metamethods, colocated, array, metatable, nodes, array_slots, hash_mask; } table;
    struct { uint16_t bytes, value, key; } node;
    struct {
        uint16_t bytes, constants_low, instructions_high, snapshots, snapshot_map_entries;
        uint16_t snapshot_map_entries_bytes;          /* how wide that count is: 2 or 4 */
        uint16_t snapshot_list, snapshot_map;         /* pointers into the trace itself, one behind the other */
        uint16_t instructions, start_proto, number, link, next_root, next_side;
    } trace;
    struct { uint16_t snapshot_bytes, snapshot_map_entry_bytes, instruction_bytes; } trace_parts;
    struct { uint16_t types, type_slots, type_bytes, info, size, name; } c_types; /* CTState: types …; CType: info … */
    /* SBufExt: pointers, which are not always wide, flags of 4 bytes, and three references. */
    struct { uint16_t pointer_bytes, end, base, flags, copied_from, keys, metatables; } string_buffer;
};

/* A field that a family does not have. */
#define LUA_FIELD_ABSENT UINT16_MAX

struct lua_layout {
    const char *name;    /* shown to users: "luajit2 2021-06 gc64" */
    const char *commits; /* where the numbers come from */
    const struct lua_object_layout *objects;

    struct { uint16_t bytes, status, global, base, top, stack, open_upvalues, environment, stack_slots; } thread;

    /* global_State; it follows the main thread inside one block, GG_State, whose size is block_bytes. */
    struct {
        uint16_t bytes, offset;
        uint16_t allocf, allocd, gc, main_thread, temporary_buffer, registry, open_upvalue_head, current_thread;
        uint16_t string_table, string_mask, string_count, c_type_state;
        uint16_t vm_state, roots; /* roots: the references at the end of global_State (gcroot), up to its end */
        uint16_t vm_thread;       /* of LuaJIT's own events; absent before November 2025 */
    } global;

    /* total, threshold, debt and estimate are as wide as a reference. */
    struct {
        uint16_t total, threshold, current_white, state, root, finalize, debt, estimate, step_multiplier, pause;
    } gc;

    struct { uint16_t open_previous, open_next; } upvalue_links;

    /* jit_State; ir_* and snapshot_* are the recorder's scratch buffers. */
    struct {
        uint16_t offset, traces, trace_slots, code_area, code_total_bytes;
        uint16_t ir_buffer, ir_top, ir_bottom, snapshots, snapshot_slots, snapshot_map, snapshot_map_slots;
    } jit;

    /*
     * The interpreter's dispatch table: the first and last word of GG_State that point into code, with hot
     * counters before and bytecode after them. Start and length differ between all families: the check that
     * tells them apart.
     */
    struct { uint16_t offset, entries; } dispatch;

    uint16_t block_bytes; /* sizeof(GG_State) */
};

/* One branch of LuaJIT in one coding. */
struct lua_layout_branch {
    const struct lua_layout *rows; /* newest first */
    size_t count;
};

/* By index from 0; NULL behind the last. */
const struct lua_layout_branch *lua_layout_branch(size_t index);

/* All rows of all branches, likewise. */
const struct lua_layout *lua_layout_row(size_t index);

#endif
