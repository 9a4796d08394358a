/*
 * Facts: instruction 0 is the function's header and has no entry among the lines. A line takes 1, 2 or 4 bytes, as the
 * number of the function's lines demands. Local variables stand in the order of their first instruction: a name with
 * its zero, or one byte for a name of the language's own; and two variable-length numbers, how many instructions
 * after its predecessor it begins, and for how many it lives.
 */
#include "walk/lua_source.h"

#include "layouts/lua_value.h"

enum {
    FUNCTION_KIND_LUA = 0,
    VARIABLES_END = 0,
    VARIABLE_NAME_FIRST = 7, /* lower bytes are no text but numbers of names */
    NUMBER_BITS = 7,         /* in each byte of a variable-length number; the bit above says that more follow */
    NUMBER_BYTES_MAX = 5,
    SOURCE_TEXT_BYTES_MAX = 64 << 10,
    VARIABLES_MAX = 64 << 10,
};

/* 0 unless the reference points into the block behind its header. */
static uint64_t offset_in_block(const struct lua_object_layout *layout, const void *header, unsigned field,
    const struct lua_proto *proto)
{
    address_t at = lua_reference(layout, header, field);
    if (at.value < proto->at.value + layout->proto.bytes || at.value >= proto->at.value + proto->bytes)
        return 0;
    return at.value - proto->at.value;
}

bool lua_proto_read(struct lua_reader *reader, address_t at, struct lua_proto *proto)
{
    const struct lua_object_layout *layout = reader->layout->objects;
    const void *header = view_bytes(&reader->view, at, layout->proto.bytes);
    if (!header || field_u8(header, layout->header.type) != LUA_TAG_PROTO)
        return false;
    *proto = (struct lua_proto){
        .at = at,
        .bytes = field_u32(header, layout->proto.total_bytes),
        .instructions = field_u32(header, layout->proto.instructions),
        .first_line = field_u32(header, layout->proto.first_line),
        .line_count = field_u32(header, layout->proto.line_count),
        .upvalues = field_u8(header, layout->proto.upvalue_count),
        .chunk_name = lua_reference(layout, header, layout->proto.chunk_name),
    };
    proto->line_info = offset_in_block(layout, header, layout->proto.line_info, proto);
    proto->upvalue_names = offset_in_block(layout, header, layout->proto.upvalue_names, proto);
    proto->variable_names = offset_in_block(layout, header, layout->proto.variable_names, proto);
    return true;
}

bool lua_proto_of_function(struct lua_reader *reader, address_t function, struct lua_proto *proto)
{
    const struct lua_object_layout *layout = reader->layout->objects;
    const void *header = view_bytes(&reader->view, function, layout->function.lua_header_bytes);
    if (!header || field_u8(header, layout->header.type) != LUA_TAG_FUNCTION
        || field_u8(header, layout->header.function_kind) != FUNCTION_KIND_LUA)
        return false;
    address_t program = lua_reference(layout, header, layout->function.program);
    return lua_proto_read(reader, address_subtract(program, layout->proto.bytes), proto);
}

uint32_t lua_proto_line(struct lua_reader *reader, const struct lua_proto *proto, uint32_t index)
{
    uint64_t width = proto->line_count < 256 ? 1 : proto->line_count < 65536 ? 2 : 4;
    if (proto->line_info == 0 || index == 0 || index >= proto->instructions)
        return proto->first_line;
    uint64_t offset = proto->line_info + (index - 1) * width;
    const void *entry = view_bytes(&reader->view, address_add(proto->at, offset), width);
    if (!entry || offset + width > proto->bytes)
        return proto->first_line;
    return proto->first_line
        + (width == 1 ? field_u8(entry, 0) : width == 2 ? field_u16(entry, 0) : field_u32(entry, 0));
}

/* How the chunk is called, as Lua's own messages do, but never by its text. */
static void chunk_name(struct lua_reader *reader, const struct lua_proto *proto, char name[OBJECT_NAME_BYTES])
{
    const char *text;
    uint32_t length;
    if (!lua_string_read(reader, proto->chunk_name, &text, &length) || length == 0) {
        name_print(name, "?");
    } else if (*text != '@' && *text != '=') {
        bool shown = text_is_like_identifier(text, length);
        name_print(name, shown ? "[string \"%.*s\"]" : "[string]", (int)length, text);
    } else {
        enum { KEPT = OBJECT_NAME_BYTES - 32 };
        bool cut = length - 1 > KEPT;
        char kept[OBJECT_NAME_BYTES];
        name_escape(kept, cut ? text + length - KEPT : text + 1, cut ? KEPT : length - 1);
        name_print(name, "%s%s", cut ? "..." : "", kept);
    }
}

void lua_proto_place(struct lua_reader *reader, const struct lua_proto *proto, uint32_t line,
    char name[OBJECT_NAME_BYTES])
{
    char chunk[OBJECT_NAME_BYTES];
    chunk_name(reader, proto, chunk);
    if (line == 0)
        name_print(name, "%s", chunk);
    else
        name_print(name, "%s:%u", chunk, line);
}

static bool source_text(struct lua_reader *reader, const struct lua_proto *proto, uint64_t *offset, const char **text,
    uint32_t *length)
{
    if (*offset >= proto->bytes)
        return false;
    uint64_t left = proto->bytes - *offset;
    if (!lua_zero_ended_read(reader, address_add(proto->at, *offset),
            left < SOURCE_TEXT_BYTES_MAX ? left : SOURCE_TEXT_BYTES_MAX, text, length))
        return false;
    *offset += *length + 1;
    return true;
}

bool lua_proto_upvalue_name(struct lua_reader *reader, const struct lua_proto *proto, uint32_t upvalue,
    char name[OBJECT_NAME_BYTES])
{
    uint64_t offset = proto->upvalue_names;
    const char *text;
    uint32_t length;
    if (offset == 0 || upvalue >= proto->upvalues)
        return false;
    for (uint32_t i = 0; i <= upvalue; i++)
        if (!source_text(reader, proto, &offset, &text, &length))
            return false;
    name_escape(name, text, length);
    return length > 0;
}

static bool read_number(struct lua_reader *reader, const struct lua_proto *proto, uint64_t *offset, uint32_t *number)
{
    *number = 0;
    for (unsigned i = 0; i < NUMBER_BYTES_MAX; i++) {
        uint8_t byte;
        if (*offset >= proto->bytes || !view_u8(&reader->view, address_add(proto->at, *offset), &byte))
            return false;
        ++*offset;
        *number |= (uint32_t)(byte & 0x7f) << i * NUMBER_BITS;
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

struct variable {
    uint8_t internal; /* number of a name of the language's own; 0: it has a text */
    const char *text;
    uint32_t length;
    uint32_t distance, life; /* in instructions */
};

static bool next_variable(struct lua_reader *reader, const struct lua_proto *proto, uint64_t *offset,
    struct variable *variable)
{
    uint8_t first;
    *variable = (struct variable){0};
    if (*offset >= proto->bytes || !view_u8(&reader->view, address_add(proto->at, *offset), &first)
        || first == VARIABLES_END)
        return false;
    if (first < VARIABLE_NAME_FIRST) {
        variable->internal = first;
        ++*offset;
    } else if (!source_text(reader, proto, offset, &variable->text, &variable->length)) {
        return false;
    }
    return read_number(reader, proto, offset, &variable->distance)
        && read_number(reader, proto, offset, &variable->life);
}

bool lua_proto_local_name(struct lua_reader *reader, const struct lua_proto *proto, uint32_t index, uint32_t slot,
    char name[OBJECT_NAME_BYTES])
{
    static const char *const internal_names[VARIABLE_NAME_FIRST] = {
        "", "(for index)", "(for limit)", "(for step)", "(for generator)", "(for state)", "(for control)",
    };
    uint64_t offset = proto->variable_names, start = 0;
    struct variable variable;
    if (offset == 0)
        return false;
    for (unsigned i = 0; i < VARIABLES_MAX && next_variable(reader, proto, &offset, &variable); i++) {
        start += variable.distance;
        if (start > index)
            return false;
        if (index - start >= variable.life || slot-- > 0)
            continue;
        if (variable.internal)
            name_print(name, "%s", internal_names[variable.internal]);
        else
            name_escape(name, variable.text, variable.length);
        return true;
    }
    return false;
}
