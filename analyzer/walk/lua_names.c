/* Owns which of an object's fields answers which question. */
#include "walk/lua_names.h"

#include <inttypes.h>
#include <stdlib.h>

#include "layouts/lua_value.h"
#include "walk/lua_c_types.h"
#include "walk/lua_frames.h"
#include "walk/lua_source.h"
#include "walk/lua_userdata.h"

enum { FUNCTION_KIND_C = 1, CODE_POINTER_BYTES = 8, INSTRUCTION_BYTES = 4 };

struct lua_names {
    struct lua_reader reader;
    const struct object_graph *graph;
    address_t main_thread;
    struct lua_c_types c_types;
};

static bool string_name(struct lua_names *names, address_t string, uint32_t index, char *name)
{
    const char *text;
    uint32_t length;
    if (!lua_string_read(&names->reader, string, &text, &length))
        return false;
    if (index != STRING_CONTENTS_SHOWN && !text_is_like_identifier(text, length))
        return false;
    name_escape(name, text, length);
    return true;
}

static bool proto_place(struct lua_names *names, address_t at, char *name)
{
    struct lua_proto proto;
    if (!lua_proto_read(&names->reader, at, &proto))
        return false;
    lua_proto_place(&names->reader, &proto, proto.first_line, name);
    return true;
}

static bool function_place(struct lua_names *names, address_t function, char *name)
{
    const struct lua_object_layout *layout = names->reader.layout->objects;
    struct lua_proto proto;
    if (lua_proto_of_function(&names->reader, function, &proto)) {
        lua_proto_place(&names->reader, &proto, proto.first_line, name);
        return true;
    }
    const void *fields = view_bytes(&names->reader.view, function, layout->function.c_header_bytes);
    if (!fields || field_u8(fields, layout->header.type) != LUA_TAG_FUNCTION)
        return false;
    if (field_u8(fields, layout->header.function_kind) == FUNCTION_KIND_C)
        name_print(name, "C function 0x%" PRIx64,
            field_u64(fields, layout->function.c_header_bytes - CODE_POINTER_BYTES));
    else
        name_print(name, "builtin");
    return true;
}

static bool trace_place(struct lua_names *names, address_t trace, char *name)
{
    const struct lua_object_layout *layout = names->reader.layout->objects;
    const void *fields = view_bytes(&names->reader.view, trace, layout->trace.bytes);
    return fields && field_u8(fields, layout->header.type) == LUA_TAG_TRACE
        && proto_place(names, lua_reference(layout, fields, layout->trace.start_proto), name);
}

/* The instruction that a frame waits in: the one before that where it goes on. */
static bool frame_instruction(struct lua_names *names, const struct lua_frame *frame, const struct lua_proto *proto,
    uint32_t *index)
{
    uint64_t program = proto->at.value + names->reader.layout->objects->proto.bytes;
    uint64_t distance = frame->next_instruction.value - program;
    if (frame->next_instruction.value <= program || distance % INSTRUCTION_BYTES
        || distance / INSTRUCTION_BYTES > proto->instructions)
        return false;
    *index = (uint32_t)(distance / INSTRUCTION_BYTES) - 1;
    return true;
}

/* The innermost Lua function's line; of one that runs just now, its first. */
static bool waiting_place(struct lua_names *names, struct lua_frames *frames, char *name)
{
    struct lua_frame frame;
    struct lua_proto proto;
    uint32_t index;
    while (lua_frames_next(frames, &frame)) {
        if (!lua_proto_of_function(&names->reader, frame.function, &proto))
            continue;
        uint32_t line = frame_instruction(names, &frame, &proto, &index)
            ? lua_proto_line(&names->reader, &proto, index) : proto.first_line;
        lua_proto_place(&names->reader, &proto, line, name);
        return true;
    }
    return false;
}

/* The function that a thread which was not started will run. */
static bool first_function(struct lua_names *names, const struct lua_frames *frames, address_t *function)
{
    uint64_t value;
    enum lua_tag tag;
    return lua_frames_slot(frames, frames->bottom, &value)
        && lua_value_object(names->reader.layout->objects, value, &tag, function) && tag == LUA_TAG_FUNCTION;
}

static bool thread_place(struct lua_names *names, address_t thread, char *name)
{
    struct lua_frames frames;
    enum lua_thread_rest rest;
    address_t function;
    if (!lua_frames_begin(&frames, &names->reader, thread, &rest))
        return false;
    if (rest == LUA_THREAD_IN_FUNCTION)
        return waiting_place(names, &frames, name);
    if (address_equal(thread, names->main_thread))
        return false;
    if (rest == LUA_THREAD_NOT_STARTED)
        return first_function(names, &frames, &function) && function_place(names, function, name);
    name_print(name, "ended");
    return true;
}

static bool place_name(struct lua_names *names, enum lua_type type, address_t object, char *name)
{
    switch (type) {
    case LUA_TYPE_PROTO: return proto_place(names, object, name);
    case LUA_TYPE_FUNCTION: return function_place(names, object, name);
    case LUA_TYPE_TRACE: return trace_place(names, object, name);
    case LUA_TYPE_THREAD: return thread_place(names, object, name);
    default: return false;
    }
}

static bool upvalue_name(struct lua_names *names, address_t function, uint32_t index, char *name)
{
    struct lua_proto proto;
    return lua_proto_of_function(&names->reader, function, &proto)
        && lua_proto_upvalue_name(&names->reader, &proto, index, name);
}

/*
 * By number, because the parameter's name may be wrong: who starts the thread may still put another argument before
 * these, as ngx_lua does with timers.
 */
static bool argument_name(const struct lua_frames *frames, uint32_t slot, char *name)
{
    if (slot <= frames->bottom)
        return false;
    name_print(name, "(argument %u)", slot - frames->bottom);
    return true;
}

static bool frame_local_name(struct lua_names *names, struct lua_frames *frames, uint32_t slot, char *name)
{
    struct lua_frame frame;
    struct lua_proto proto;
    uint32_t index;
    do {
        if (!lua_frames_next(frames, &frame))
            return false;
    } while (slot < frame.variable_values);
    if (slot < frame.base) {
        name_print(name, "(vararg)");
        return true;
    }
    return slot < frame.end && lua_proto_of_function(&names->reader, frame.function, &proto)
        && frame_instruction(names, &frame, &proto, &index)
        && lua_proto_local_name(&names->reader, &proto, index, slot - frame.base, name);
}

static bool local_name(struct lua_names *names, address_t thread, uint32_t slot, char *name)
{
    struct lua_frames frames;
    enum lua_thread_rest rest;
    if (!lua_frames_begin(&frames, &names->reader, thread, &rest) || rest == LUA_THREAD_ENDED)
        return false;
    if (rest == LUA_THREAD_IN_FUNCTION)
        return frame_local_name(names, &frames, slot, name);
    return !address_equal(thread, names->main_thread) && argument_name(&frames, slot, name);
}

static bool type_name(struct lua_names *names, enum lua_type type, address_t object, char *name)
{
    const struct lua_object_layout *layout = names->reader.layout->objects;
    if (type == LUA_TYPE_USERDATA)
        return lua_userdata_name(&names->reader, names->main_thread, object, name);
    const void *fields = type == LUA_TYPE_CDATA ? view_bytes(&names->reader.view, object, layout->cdata.bytes) : NULL;
    return fields
        && lua_c_type_name(&names->reader, &names->c_types, field_u16(fields, layout->cdata.type_id), name);
}

static bool get_name(void *context, enum object_name_kind kind, object_id object, uint32_t index, char *name)
{
    struct lua_names *names = context;
    if (object >= names->graph->count)
        return false;
    enum lua_type type = names->graph->types[object];
    address_t at = object_index_address(&names->graph->index, object);
    switch (kind) {
    case NAME_STRING: return type == LUA_TYPE_STRING && string_name(names, at, index, name);
    case NAME_PLACE: return place_name(names, type, at, name);
    case NAME_UPVALUE: return type == LUA_TYPE_FUNCTION && upvalue_name(names, at, index, name);
    case NAME_LOCAL: return type == LUA_TYPE_THREAD && local_name(names, at, index, name);
    case NAME_TYPE: return type_name(names, type, at, name);
    }
    return false;
}

struct error *lua_names_make(const struct capture *capture, const struct lua_site *site,
    const struct object_graph *graph, struct object_names *names)
{
    struct lua_names *made = malloc(sizeof(*made));
    if (!made)
        return error_no_memory();
    *made = (struct lua_names){
        .reader = {.view = view_of(capture), .layout = site->layout},
        .graph = graph,
        .main_thread = site->thread,
    };
    made->c_types = lua_c_types_find(&made->reader, site->thread);
    *names = (struct object_names){.get = get_name, .release = free, .context = made};
    return NULL;
}
