/* One function a type; each mirrors what the collector would give back when it frees such an object. */
#include "walk/lua_blocks.h"

#include "base/size.h"
#include "layouts/lua_value.h"

enum {
    TABLE_COLOCATED_MASK = 0x7f,
    CDATA_VARIABLE = 0x80, /* in `marked` */
    CTYPE_KIND_SHIFT = 28,
    CTYPE_KIND_LAST_SIZED = 5,
    CTYPE_KIND_ATTRIBUTE = 8,
    CTYPE_CHILD_MASK = 0xffff,
    CTYPE_CHAIN_MAX = 64,
    POINTER_BYTES = 8,
    USERDATA_STRING_BUFFER = 3,
    STRING_BUFFER_FLAGS = 7,
    STRING_BUFFER_NOT_OWNED = 6, /* copy on write, or borrowed */
    STRING_BUFFER_BYTES = 32,
    FUNCTION_KIND_LUA = 0,
};

struct lua_block_reader lua_block_reader_make(const struct capture *capture, const struct lua_layout *layout,
    address_t main_thread)
{
    struct lua_block_reader reader = {.view = view_of(capture), .layout = layout, .main_thread = main_thread};
    address_t at = address_add(main_thread, layout->global.offset + layout->global.c_type_state), state;
    uint64_t types;
    uint32_t slots;
    if (lua_reference_at(&reader.view, layout->objects, at, &state)
        && view_u64(&reader.view, address_add(state, layout->objects->c_types.types), &types)
        && view_u32(&reader.view, address_add(state, layout->objects->c_types.type_slots), &slots)) {
        reader.c_types = address(types);
        reader.c_type_slots = slots;
    }
    return reader;
}

static void add_block(struct lua_blocks *blocks, address_t at, uint64_t bytes)
{
    blocks->items[blocks->count++] = (struct lua_block){at, bytes};
}

static bool string_blocks(struct lua_block_reader *reader, address_t object, struct lua_blocks *blocks)
{
    const struct lua_object_layout *layout = reader->layout->objects;
    uint32_t length;
    if (!view_u32(&reader->view, address_add(object, layout->string.length), &length))
        return false;
    uint64_t unit = layout->string.unit;
    add_block(blocks, object, layout->string.bytes + round_down(length + unit, unit));
    return true;
}

static bool upvalue_blocks(struct lua_block_reader *reader, address_t object, struct lua_blocks *blocks)
{
    add_block(blocks, object, reader->layout->objects->upvalue.bytes);
    return true;
}

static bool thread_blocks(struct lua_block_reader *reader, address_t object, struct lua_blocks *blocks)
{
    const struct lua_layout *layout = reader->layout;
    const void *thread = view_bytes(&reader->view, object, layout->thread.bytes);
    if (!thread)
        return false;
    if (!address_equal(object, reader->main_thread))
        add_block(blocks, object, layout->thread.bytes);
    address_t stack = lua_reference(layout->objects, thread, layout->thread.stack);
    if (!address_is_null(stack))
        add_block(blocks, stack, (uint64_t)field_u32(thread, layout->thread.stack_slots) * LUA_VALUE_BYTES);
    return true;
}

static bool proto_blocks(struct lua_block_reader *reader, address_t object, struct lua_blocks *blocks)
{
    uint32_t bytes;
    if (!view_u32(&reader->view, address_add(object, reader->layout->objects->proto.total_bytes), &bytes))
        return false;
    add_block(blocks, object, bytes);
    return true;
}

static bool function_blocks(struct lua_block_reader *reader, address_t object, struct lua_blocks *blocks)
{
    const struct lua_object_layout *layout = reader->layout->objects;
    uint8_t kind, upvalues;
    if (!view_u8(&reader->view, address_add(object, layout->header.function_kind), &kind)
        || !view_u8(&reader->view, address_add(object, layout->function.upvalue_count), &upvalues))
        return false;
    if (kind == FUNCTION_KIND_LUA)
        add_block(blocks, object, layout->function.lua_header_bytes + (uint64_t)upvalues * layout->reference_bytes);
    else
        add_block(blocks, object, layout->function.c_header_bytes + (uint64_t)upvalues * LUA_VALUE_BYTES);
    return true;
}

static bool trace_blocks(struct lua_block_reader *reader, address_t object, struct lua_blocks *blocks)
{
    const struct lua_object_layout *layout = reader->layout->objects;
    const void *trace = view_bytes(&reader->view, object, layout->trace.bytes);
    if (!trace)
        return false;
    uint32_t high = field_u32(trace, layout->trace.instructions_high);
    uint32_t low = field_u32(trace, layout->trace.constants_low);
    if (high < low)
        return false;
    add_block(blocks, object,
        round_up(layout->trace.bytes, 8) + (uint64_t)(high - low) * layout->trace_parts.instruction_bytes
            + (uint64_t)field_u16(trace, layout->trace.snapshots) * layout->trace_parts.snapshot_bytes
            + lua_word(trace, layout->trace.snapshot_map_entries, layout->trace.snapshot_map_entries_bytes)
                * layout->trace_parts.snapshot_map_entry_bytes);
    return true;
}

/* The size of a C type, behind its attributes; what has no size of its own is a pointer. */
static bool c_type_size(struct lua_block_reader *reader, uint32_t id, uint64_t *bytes)
{
    const struct lua_object_layout *layout = reader->layout->objects;
    for (unsigned i = 0; i < CTYPE_CHAIN_MAX && id < reader->c_type_slots; i++) {
        const void *type = view_bytes(&reader->view,
            address_add(reader->c_types, (uint64_t)id * layout->c_types.type_bytes), layout->c_types.type_bytes);
        if (!type)
            return false;
        uint32_t info = field_u32(type, layout->c_types.info);
        uint32_t kind = info >> CTYPE_KIND_SHIFT;
        if (kind != CTYPE_KIND_ATTRIBUTE) {
            *bytes = kind <= CTYPE_KIND_LAST_SIZED ? field_u32(type, layout->c_types.size) : POINTER_BYTES;
            return true;
        }
        id = info & CTYPE_CHILD_MASK;
    }
    return false;
}

static bool cdata_blocks(struct lua_block_reader *reader, address_t object, struct lua_blocks *blocks)
{
    const struct lua_object_layout *layout = reader->layout->objects;
    const void *cdata = view_bytes(&reader->view, object, layout->cdata.bytes);
    if (!cdata)
        return false;
    if (field_u8(cdata, layout->header.marked) & CDATA_VARIABLE) {
        const void *variable = view_bytes(&reader->view, address_subtract(object, layout->cdata.variable_offset), 8);
        if (!variable)
            return false;
        uint16_t offset = field_u16(variable, 0), extra = field_u16(variable, 2);
        add_block(blocks, address_subtract(object, offset), (uint64_t)field_u32(variable, 4) + extra);
        return true;
    }
    uint64_t bytes;
    if (!c_type_size(reader, field_u16(cdata, layout->cdata.type_id), &bytes))
        return false;
    add_block(blocks, object, layout->cdata.bytes + bytes);
    return true;
}

static bool table_blocks(struct lua_block_reader *reader, address_t object, struct lua_blocks *blocks)
{
    const struct lua_object_layout *layout = reader->layout->objects;
    const void *table = view_bytes(&reader->view, object, layout->table.bytes);
    if (!table)
        return false;
    /* Positive: so many array slots lie behind the table itself. Negative: they did, before the array grew out. */
    int8_t colocated = (int8_t)field_u8(table, layout->table.colocated);
    uint32_t array_slots = field_u32(table, layout->table.array_slots);
    uint32_t hash_mask = field_u32(table, layout->table.hash_mask);
    add_block(blocks, object, layout->table.bytes + (uint64_t)(colocated & TABLE_COLOCATED_MASK) * LUA_VALUE_BYTES);
    if (array_slots > 0 && colocated <= 0)
        add_block(blocks, lua_reference(layout, table, layout->table.array), (uint64_t)array_slots * LUA_VALUE_BYTES);
    if (hash_mask > 0)
        add_block(blocks, lua_reference(layout, table, layout->table.nodes),
            ((uint64_t)hash_mask + 1) * layout->node.bytes);
    return true;
}

/* A string.buffer object owns the buffer behind it, unless it shows another's. */
static void buffer_block(const struct lua_object_layout *layout, const unsigned char *buffer, struct lua_blocks *blocks)
{
    uint32_t flags = field_u32(buffer, layout->string_buffer.flags) & STRING_BUFFER_FLAGS;
    uint64_t base = lua_word(buffer, layout->string_buffer.base, layout->string_buffer.pointer_bytes);
    uint64_t end = lua_word(buffer, layout->string_buffer.end, layout->string_buffer.pointer_bytes);
    if (base && end > base && !(flags & STRING_BUFFER_NOT_OWNED))
        add_block(blocks, address(base), end - base);
}

static bool userdata_blocks(struct lua_block_reader *reader, address_t object, struct lua_blocks *blocks)
{
    const struct lua_object_layout *layout = reader->layout->objects;
    const void *userdata = view_bytes(&reader->view, object, layout->userdata.bytes);
    if (!userdata)
        return false;
    uint32_t payload = field_u32(userdata, layout->userdata.length);
    add_block(blocks, object, layout->userdata.bytes + (uint64_t)payload);
    if (field_u8(userdata, layout->userdata.kind) == USERDATA_STRING_BUFFER && payload >= STRING_BUFFER_BYTES) {
        const unsigned char *buffer = view_bytes(&reader->view, address_add(object, layout->userdata.bytes), payload);
        if (!buffer)
            return false;
        buffer_block(layout, buffer, blocks);
    }
    return true;
}

bool lua_object_blocks(struct lua_block_reader *reader, enum lua_tag tag, address_t object, struct lua_blocks *blocks)
{
    static bool (*const readers[LUA_TAG_END])(struct lua_block_reader *, address_t, struct lua_blocks *) = {
        [LUA_TAG_STRING] = string_blocks,
        [LUA_TAG_UPVALUE] = upvalue_blocks,
        [LUA_TAG_THREAD] = thread_blocks,
        [LUA_TAG_PROTO] = proto_blocks,
        [LUA_TAG_FUNCTION] = function_blocks,
        [LUA_TAG_TRACE] = trace_blocks,
        [LUA_TAG_CDATA] = cdata_blocks,
        [LUA_TAG_TABLE] = table_blocks,
        [LUA_TAG_USERDATA] = userdata_blocks,
    };
    blocks->count = 0;
    return tag < LUA_TAG_END && readers[tag] && readers[tag](reader, object, blocks);
}
