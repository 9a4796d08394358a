#include "walk/lua_text.h"

#include <stdarg.h>
#include <stdio.h>

enum { IDENTIFIER_CHARACTERS_MAX = 64, ESCAPED_BYTES = sizeof("\\x00") };

static const char cut_mark[] = "...";

bool lua_string_read(struct lua_reader *reader, address_t string, const char **text, uint32_t *length)
{
    const struct lua_object_layout *layout = reader->layout->objects;
    const void *header = view_bytes(&reader->view, string, layout->string.bytes);
    if (!header || field_u8(header, layout->header.type) != LUA_TAG_STRING)
        return false;
    *length = field_u32(header, layout->string.length);
    *text = view_bytes(&reader->view, address_add(string, layout->string.bytes), *length);
    return *text != NULL;
}

bool lua_zero_ended_read(struct lua_reader *reader, address_t at, uint64_t limit, const char **text, uint32_t *length)
{
    uint32_t found = 0;
    uint8_t byte;
    do {
        if (found >= limit || !view_u8(&reader->view, address_add(at, found), &byte))
            return false;
        found++;
    } while (byte != 0);
    *length = found - 1;
    *text = view_bytes(&reader->view, at, found);
    return *text != NULL;
}

static bool is_identifier_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
        || c == '_' || c == '.' || c == '-' || c == ':' || c == '/';
}

bool text_is_like_identifier(const char *text, size_t length)
{
    if (length == 0 || length > IDENTIFIER_CHARACTERS_MAX)
        return false;
    for (size_t i = 0; i < length; i++)
        if (!is_identifier_character(text[i]))
            return false;
    return true;
}

static void mark_as_cut(char name[OBJECT_NAME_BYTES])
{
    memcpy(name + OBJECT_NAME_BYTES - sizeof(cut_mark), cut_mark, sizeof(cut_mark));
}

void name_print(char name[OBJECT_NAME_BYTES], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(name, OBJECT_NAME_BYTES, format, arguments);
    va_end(arguments);
    if (wanted >= OBJECT_NAME_BYTES)
        mark_as_cut(name);
}

void name_escape(char name[OBJECT_NAME_BYTES], const char *text, size_t length)
{
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        char piece[ESCAPED_BYTES];
        bool printable = text[i] >= ' ' && text[i] <= '~';
        size_t bytes = (size_t)snprintf(piece, sizeof(piece), printable ? "%c" : "\\x%02x", (unsigned char)text[i]);
        if (used + bytes >= OBJECT_NAME_BYTES) {
            name[used] = '\0';
            memcpy(name + (used < OBJECT_NAME_BYTES - sizeof(cut_mark) ? used : OBJECT_NAME_BYTES - sizeof(cut_mark)),
                cut_mark, sizeof(cut_mark));
            return;
        }
        memcpy(name + used, piece, bytes);
        used += bytes;
    }
    name[used] = '\0';
}
