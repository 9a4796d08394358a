/*
 * References and values of LuaJIT as they lie in memory, for both codings (lua_layout.h): the one place that knows
 * how wide a reference is and where a value keeps its type.
 */
#ifndef RESPIRE_LAYOUTS_LUA_VALUE_H
#define RESPIRE_LAYOUTS_LUA_VALUE_H

#include <stdbool.h>

#include "base/address.h"
#include "layouts/lua_layout.h"
#include "target/memory_view.h"

enum { LUA_VALUE_BYTES = 8 };

/* What a value is: a collectable object (its lua_tag), or one of these. */
enum lua_value_kind {
    LUA_VALUE_NIL = 0,
    LUA_VALUE_FALSE = 1,
    LUA_VALUE_TRUE = 2,
    LUA_VALUE_LIGHT_USERDATA = 3,
    /* 4 to 12: enum lua_tag */
    LUA_VALUE_NUMBER = 13, /* a double, or an integer where LuaJIT keeps both */
};

/* The word of 2, 4 or 8 bytes at `offset` of a structure that was read whole. */
static inline uint64_t lua_word(const void *structure, uint64_t offset, unsigned bytes)
{
    const void *word = (const char *)structure + offset;
    return bytes == 8 ? field_u64(word, 0) : bytes == 4 ? field_u32(word, 0) : field_u16(word, 0);
}

/* The reference at `offset` of a structure that was read whole. */
static inline address_t lua_reference(const struct lua_object_layout *layout, const void *structure, uint64_t offset)
{
    return address(lua_word(structure, offset, layout->reference_bytes));
}

/* The reference that lies at `at`; false when it is not in memory. */
static inline bool lua_reference_at(struct memory_view *view, const struct lua_object_layout *layout, address_t at,
    address_t *reference)
{
    const void *bytes = view_bytes(view, at, layout->reference_bytes);
    if (bytes)
        *reference = lua_reference(layout, bytes, 0);
    return bytes != NULL;
}

/* A size as the collector counts it: as wide as a reference. */
static inline uint64_t lua_size(const struct lua_object_layout *layout, const void *structure, uint64_t offset)
{
    return lua_word(structure, offset, layout->reference_bytes);
}

static inline unsigned lua_value_kind(const struct lua_object_layout *layout, uint64_t value)
{
    /* The types count down from all ones; what lies below them is a number. */
    unsigned shift = layout->value_coding == LUA_VALUE_HIGH_17 ? 47 : 32;
    uint32_t type = (uint32_t)((int64_t)value >> shift);
    uint32_t kind = ~type;
    if (kind < LUA_VALUE_NUMBER)
        return kind;
    /* A light userdata of a process with 32-bit references has any of 47 bits below its type. */
    bool light = layout->value_coding == LUA_VALUE_HIGH_32 && (int32_t)type >> 15 == -2;
    return light ? LUA_VALUE_LIGHT_USERDATA : LUA_VALUE_NUMBER;
}

/* True when the value refers to a collectable object: its tag and its address. */
static inline bool lua_value_object(const struct lua_object_layout *layout, uint64_t value, enum lua_tag *tag,
    address_t *object)
{
    unsigned kind = lua_value_kind(layout, value);
    if (kind < LUA_TAG_STRING || kind >= LUA_TAG_END)
        return false;
    *tag = (enum lua_tag)kind;
    *object = address(layout->value_coding == LUA_VALUE_HIGH_17 ? value & (((uint64_t)1 << 47) - 1) : (uint32_t)value);
    return true;
}

#endif
