/* One function a type, but tables (lua_table_references.c); each mirrors what the collector marks from such objects. */
#include "walk/lua_references.h"

#include "base/size.h"
#include "walk/lua_table_references.h"

enum {
    MARK_FINALIZED = 0x08,       /* of userdata */
    MARK_CDATA_FINALIZER = 0x10,
    FUNCTION_KIND_LUA = 0,
    CONSTANTS_MIDDLE = 0x8000,   /* number of the first instruction of a trace; its constants lie below */
    CONSTANTS_FIXED = 3,         /* nil, false and true, right below the middle */
    USERDATA_STRING_BUFFER = 3,
    BUFFER_COPIED = 2,
    BUFFER_FLAGS = 7,
};

static void add_trace(struct lua_reference_reader *reader, uint16_t number)
{
    address_t trace;
    const struct lua_object_layout *layout = reader->layout->objects;
    if (number == 0 || number >= reader->trace_slots)
        return;
    address_t slot = address_add(reader->traces, (uint64_t)number * layout->reference_bytes);
    if (lua_reference_at(&reader->distant, layout, slot, &trace))
        lua_reference_add(reader, trace, reference_label(REFERENCE_TRACE, number));
}

static bool upvalue_references(struct lua_reference_reader *reader, address_t object, struct lua_object_facts *facts)
{
    const struct lua_object_layout *layout = reader->layout->objects;
    const void *upvalue = view_bytes(&reader->view, object, layout->upvalue.bytes);
    uint64_t value;
    if (!upvalue || !view_u64(&reader->distant, lua_reference(layout, upvalue, layout->upvalue.value_at), &value))
        return false;
    facts->detail = field_u8(upvalue, layout->upvalue.closed);
    lua_reference_add_value(reader, value, reference_label(REFERENCE_VALUE, 0));
    return true;
}

/* The frames of a stack with 32-bit references hold their functions without a type. */
static void try_frame(struct lua_reference_reader *reader, uint64_t value, uint32_t label)
{
    if (lua_value_kind(reader->layout->objects, value) == LUA_VALUE_NUMBER)
        lua_reference_try(reader, address((uint32_t)value), label);
}

static void add_stack(struct lua_reference_reader *reader, const unsigned char *stack, uint64_t count, bool certain)
{
    const struct lua_object_layout *layout = reader->layout->objects;
    bool frames_are_bare = layout->value_coding == LUA_VALUE_HIGH_32;
    for (uint64_t slot = frames_are_bare ? 1 : 2; slot < count; slot++) {
        uint64_t value = field_u64(stack, (unsigned)(slot * LUA_VALUE_BYTES));
        uint32_t label = reference_label(REFERENCE_SLOT, slot);
        enum lua_tag tag;
        address_t object;
        if (!lua_value_object(layout, value, &tag, &object)) {
            if (frames_are_bare)
                try_frame(reader, value, label);
        } else if (certain) {
            lua_reference_add(reader, object, label);
        } else {
            lua_reference_try(reader, object, label);
        }
    }
}

static bool thread_references(struct lua_reference_reader *reader, address_t object, struct lua_object_facts *facts)
{
    const struct lua_layout *layout = reader->layout;
    const void *thread = view_bytes(&reader->view, object, layout->thread.bytes);
    if (!thread)
        return false;
    facts->detail = field_u8(thread, layout->thread.status);
    lua_reference_add(reader, lua_reference(layout->objects, thread, layout->thread.environment),
        reference_label(REFERENCE_ENVIRONMENT, 0));
    address_t stack = lua_reference(layout->objects, thread, layout->thread.stack);
    uint64_t slots = field_u32(thread, layout->thread.stack_slots);
    if (address_is_null(stack))
        return true;
    uint64_t used = (field_u64(thread, layout->thread.top) - stack.value) / LUA_VALUE_BYTES;
    bool running = address_equal(object, reader->running_thread);
    uint64_t count = running ? slots : size_min(used, slots);
    const unsigned char *values = lua_part(reader, stack, count * LUA_VALUE_BYTES);
    if (!values)
        return count == 0;
    add_stack(reader, values, count, !running);
    return true;
}

static bool proto_references(struct lua_reference_reader *reader, address_t object, struct lua_object_facts *facts)
{
    (void)facts;
    const struct lua_object_layout *layout = reader->layout->objects;
    const void *proto = view_bytes(&reader->view, object, layout->proto.bytes);
    if (!proto)
        return false;
    lua_reference_add(reader, lua_reference(layout, proto, layout->proto.chunk_name),
        reference_label(REFERENCE_CHUNK_NAME, 0));
    uint64_t count = field_u32(proto, layout->proto.object_constants);
    uint64_t bytes = count * layout->reference_bytes;
    address_t end = lua_reference(layout, proto, layout->proto.constants);
    const void *constants = lua_part(reader, address_subtract(end, bytes), bytes);
    if (count && !constants)
        return false;
    for (uint64_t i = 0; i < count; i++)
        lua_reference_add(reader, lua_reference(layout, constants, i * layout->reference_bytes),
            reference_label(REFERENCE_CONSTANT, i));
    add_trace(reader, field_u16(proto, layout->proto.trace));
    return true;
}

static bool function_references(struct lua_reference_reader *reader, address_t object, struct lua_object_facts *facts)
{
    const struct lua_object_layout *layout = reader->layout->objects;
    const void *function = view_bytes(&reader->view, object, layout->function.lua_header_bytes);
    if (!function)
        return false;
    uint8_t kind = field_u8(function, layout->header.function_kind);
    uint8_t upvalues = field_u8(function, layout->function.upvalue_count);
    bool is_lua = kind == FUNCTION_KIND_LUA;
    facts->detail = kind;
    lua_reference_add(reader, lua_reference(layout, function, layout->function.environment),
        reference_label(REFERENCE_ENVIRONMENT, 0));
    if (is_lua)
        lua_reference_add(reader,
            address_subtract(lua_reference(layout, function, layout->function.program), layout->proto.bytes),
            reference_label(REFERENCE_PROTO, 0));
    uint64_t header = is_lua ? layout->function.lua_header_bytes : layout->function.c_header_bytes;
    uint64_t each = is_lua ? layout->reference_bytes : LUA_VALUE_BYTES;
    const void *list = view_bytes(&reader->view, address_add(object, header), upvalues * each);
    if (upvalues && !list)
        return false;
    for (unsigned i = 0; i < upvalues; i++) {
        uint32_t label = reference_label(REFERENCE_UPVALUE, i);
        if (is_lua)
            lua_reference_add(reader, lua_reference(layout, list, i * each), label);
        else
            lua_reference_add_value(reader, field_u64(list, (unsigned)(i * each)), label);
    }
    return true;
}

/*
 * Constants are found by trying each word: which instruction a word belongs to would take the numbers of
 * instructions, and those change.
 */
static bool trace_constants(struct lua_reference_reader *reader, const void *trace)
{
    const struct lua_object_layout *layout = reader->layout->objects;
    uint64_t low = field_u32(trace, layout->trace.constants_low), high = CONSTANTS_MIDDLE - CONSTANTS_FIXED;
    uint64_t each = layout->trace_parts.instruction_bytes;
    if (low >= high)
        return true;
    address_t first = address_add(address(field_u64(trace, layout->trace.instructions)), low * each);
    const void *words = lua_part(reader, first, (high - low) * each);
    if (!words)
        return false;
    for (uint64_t i = 0; i < high - low; i++)
        lua_reference_try(reader, lua_reference(layout, words, i * each), reference_label(REFERENCE_CONSTANT, i));
    return true;
}

static bool trace_references(struct lua_reference_reader *reader, address_t object, struct lua_object_facts *facts)
{
    const struct lua_object_layout *layout = reader->layout->objects;
    const void *trace = view_bytes(&reader->view, object, layout->trace.bytes);
    if (!trace)
        return false;
    facts->detail = field_u16(trace, layout->trace.number);
    if (facts->detail == 0)
        return true; /* being recorded, or flushed: the collector follows nothing either */
    add_trace(reader, field_u16(trace, layout->trace.link));
    add_trace(reader, field_u16(trace, layout->trace.next_root));
    add_trace(reader, field_u16(trace, layout->trace.next_side));
    lua_reference_add(reader, lua_reference(layout, trace, layout->trace.start_proto),
        reference_label(REFERENCE_PROTO, 0));
    return trace_constants(reader, trace);
}

static void buffer_references(struct lua_reference_reader *reader, const unsigned char *buffer, uint32_t bytes)
{
    const struct lua_object_layout *layout = reader->layout->objects;
    uint32_t label = reference_label(REFERENCE_BUFFER, 0);
    /* The flags are the lowest bits of a reference to the thread. */
    unsigned flags = field_u8(buffer, layout->string_buffer.flags) & BUFFER_FLAGS;
    if (flags & BUFFER_COPIED)
        lua_reference_add(reader, lua_reference(layout, buffer, layout->string_buffer.copied_from), label);
    lua_reference_add(reader, lua_reference(layout, buffer, layout->string_buffer.keys), label);
    /* Where nothing follows, it is the depth of recursion: the first buffers had no metatables. */
    if (bytes > (uint32_t)layout->string_buffer.metatables + layout->reference_bytes)
        lua_reference_add(reader, lua_reference(layout, buffer, layout->string_buffer.metatables), label);
}

static bool userdata_references(struct lua_reference_reader *reader, address_t object, struct lua_object_facts *facts)
{
    const struct lua_object_layout *layout = reader->layout->objects;
    const unsigned char *userdata = view_bytes(&reader->view, object, layout->userdata.bytes);
    if (!userdata)
        return false;
    address_t metatable = lua_reference(layout, userdata, layout->userdata.metatable);
    facts->detail = field_u8(userdata, layout->userdata.kind);
    if (lua_metatable_facts(reader, metatable).has_finalizer
        && !(field_u8(userdata, layout->header.marked) & MARK_FINALIZED))
        facts->flags |= OBJECT_HAS_FINALIZER;
    lua_reference_add(reader, metatable, reference_label(REFERENCE_METATABLE, 0));
    lua_reference_add(reader, lua_reference(layout, userdata, layout->userdata.environment),
        reference_label(REFERENCE_ENVIRONMENT, 0));
    uint32_t payload = field_u32(userdata, layout->userdata.length);
    if (facts->detail != USERDATA_STRING_BUFFER
        || payload < (uint64_t)layout->string_buffer.metatables + layout->reference_bytes)
        return true;
    const unsigned char *buffer = view_bytes(&reader->view, address_add(object, layout->userdata.bytes), payload);
    if (buffer)
        buffer_references(reader, buffer, payload);
    return buffer != NULL;
}

static bool cdata_references(struct lua_reference_reader *reader, address_t object, struct lua_object_facts *facts)
{
    const struct lua_object_layout *layout = reader->layout->objects;
    const void *cdata = view_bytes(&reader->view, object, layout->cdata.bytes);
    if (!cdata)
        return false;
    facts->detail = field_u16(cdata, layout->cdata.type_id);
    if (field_u8(cdata, layout->header.marked) & MARK_CDATA_FINALIZER)
        facts->flags |= OBJECT_HAS_FINALIZER;
    return true;
}

bool lua_references_read(struct lua_reference_reader *reader, enum lua_tag tag, address_t object,
    struct lua_object_facts *facts)
{
    static bool (*const readers[LUA_TAG_END])(struct lua_reference_reader *, address_t, struct lua_object_facts *) = {
        [LUA_TAG_UPVALUE] = upvalue_references,
        [LUA_TAG_THREAD] = thread_references,
        [LUA_TAG_PROTO] = proto_references,
        [LUA_TAG_FUNCTION] = function_references,
        [LUA_TAG_TRACE] = trace_references,
        [LUA_TAG_CDATA] = cdata_references,
        [LUA_TAG_TABLE] = lua_table_references,
        [LUA_TAG_USERDATA] = userdata_references,
    };
    *facts = (struct lua_object_facts){0};
    uint8_t marked;
    if (tag == LUA_TAG_STRING)
        return true;
    if (!view_u8(&reader->view, address_add(object, reader->layout->objects->header.marked), &marked))
        return false;
    if (marked & reader->dead_white)
        return true;
    return tag < LUA_TAG_END && readers[tag](reader, object, facts);
}
