/* Strings of the target, brought to the form in which they may be shown. */
#ifndef RESPIRE_WALK_LUA_TEXT_H
#define RESPIRE_WALK_LUA_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layouts/lua_layout.h"
#include "model/object_names.h"
#include "target/memory_view.h"

/* What each reader of one Lua state needs. */
struct lua_reader {
    struct memory_view view;
    const struct lua_layout *layout;
};

/* The characters of a string, not ended by a zero; they belong to the capture. False when it is none, or not there. */
bool lua_string_read(struct lua_reader *reader, address_t string, const char **text, uint32_t *length);

/* The characters between here and the next zero, at most `limit` of them. */
bool lua_zero_ended_read(struct lua_reader *reader, address_t at, uint64_t limit, const char **text, uint32_t *length);

/* The rule of object_names.h: nobody keeps a secret in such a text. */
bool text_is_like_identifier(const char *text, size_t length);

/* Fill `name`; what does not fit is cut, with "..." at its end. */
void name_print(char name[OBJECT_NAME_BYTES], const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Whatever the bytes are; those that can't be printed become \xNN. */
void name_escape(char name[OBJECT_NAME_BYTES], const char *text, size_t length);

#endif
