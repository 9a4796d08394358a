/*
 * Facts: the upper four bits of a type's info say what it is, the lower 16 what it is made of; a size of all ones is
 * none. Numbers have no names: what was declared as uint32_t is known by its size and sign. Qualifiers of what is
 * no number stand in an attribute before it.
 */
#include "walk/lua_c_types.h"

#include <stdio.h>

#include "layouts/lua_value.h"

enum c_kind {
    C_NUMBER, C_STRUCT, C_POINTER, C_ARRAY, C_VOID, C_ENUM, C_FUNCTION, C_TYPEDEF, C_ATTRIBUTE,
};

enum {
    KIND_SHIFT = 28,
    CHILD_MASK = 0xffff,
    ATTRIBUTE_SHIFT = 16,
    ATTRIBUTE_MASK = 0xff,
    ATTRIBUTE_QUALIFIERS = 1,
    DEPTH_MAX = 32,
    TYPES_MAX = 65536,
    PREDEFINED_MAX = 32, /* the FFI's own types come first */
};

/* Flags of info. One bit means different things by kind. */
static const uint32_t is_bool = 0x08000000, is_floating = 0x04000000, is_unsigned = 0x00800000;
static const uint32_t is_union = 0x00800000, is_reference = 0x00800000, is_variable = 0x00100000;
static const uint32_t is_vector = 0x08000000, is_complex = 0x04000000;
static const uint32_t is_const = 0x02000000, is_volatile = 0x01000000;
static const uint32_t no_size = UINT32_MAX;

struct c_type {
    uint32_t info, size;
    address_t name;
};

struct c_type_walk {
    struct lua_reader *reader;
    const struct lua_c_types *types;
    char around[OBJECT_NAME_BYTES]; /* what stands behind the innermost type's name: "*", "(*)()", "[16]" */
    uint32_t qualifiers;
};

struct lua_c_types lua_c_types_find(struct lua_reader *reader, address_t main_thread)
{
    const struct lua_layout *layout = reader->layout;
    uint64_t types;
    uint32_t slots;
    const void *global = view_bytes(&reader->view, address_add(main_thread, layout->global.offset),
        layout->global.bytes);
    if (!global)
        return (struct lua_c_types){0};
    address_t state = lua_reference(layout->objects, global, layout->global.c_type_state);
    if (address_is_null(state)
        || !view_u64(&reader->view, address_add(state, layout->objects->c_types.types), &types)
        || !view_u32(&reader->view, address_add(state, layout->objects->c_types.type_slots), &slots))
        return (struct lua_c_types){0};
    return (struct lua_c_types){address(types), slots < TYPES_MAX ? slots : TYPES_MAX};
}

static bool read_type(struct lua_reader *reader, const struct lua_c_types *types, uint32_t id, struct c_type *type)
{
    const struct lua_object_layout *layout = reader->layout->objects;
    const void *fields = id < types->slots ? view_bytes(&reader->view,
        address_add(types->at, (uint64_t)id * layout->c_types.type_bytes), layout->c_types.type_bytes) : NULL;
    if (!fields)
        return false;
    type->info = field_u32(fields, layout->c_types.info);
    type->size = field_u32(fields, layout->c_types.size);
    type->name = lua_reference(layout, fields, layout->c_types.name);
    return true;
}

static enum c_kind kind_of(const struct c_type *type)
{
    return (enum c_kind)(type->info >> KIND_SHIFT);
}

/* A name from a declaration: no secret, but it must be text. */
static bool declared_name(struct lua_reader *reader, const struct c_type *type, char name[OBJECT_NAME_BYTES])
{
    const char *text;
    uint32_t length;
    if (address_is_null(type->name) || !lua_string_read(reader, type->name, &text, &length))
        return false;
    name_escape(name, text, length);
    return true;
}

static const char *number_name(const struct c_type *type)
{
    bool without_sign = type->info & is_unsigned;
    if (type->info & is_bool)
        return "bool";
    if (type->info & is_floating)
        return type->size == sizeof(double) ? "double" : type->size == sizeof(float) ? "float" : "long double";
    switch (type->size) {
    case 1: return without_sign ? "uint8_t" : "char";
    case 2: return without_sign ? "uint16_t" : "int16_t";
    case 4: return without_sign ? "uint32_t" : "int";
    case 8: return without_sign ? "uint64_t" : "int64_t";
    default: return without_sign ? "unsigned __int128" : "__int128";
    }
}

/* A struct without a name of its own goes by the typedef that names it. */
static bool typedef_name(struct c_type_walk *walk, uint32_t id, char name[OBJECT_NAME_BYTES])
{
    struct c_type type;
    for (uint32_t i = 0; i < walk->types->slots && read_type(walk->reader, walk->types, i, &type); i++)
        if (kind_of(&type) == C_TYPEDEF && (type.info & CHILD_MASK) == id
            && declared_name(walk->reader, &type, name))
            return true;
    return false;
}

static void tagged_name(struct c_type_walk *walk, uint32_t id, const struct c_type *type,
    char name[OBJECT_NAME_BYTES])
{
    char declared[OBJECT_NAME_BYTES];
    const char *keyword = kind_of(type) == C_ENUM ? "enum" : type->info & is_union ? "union" : "struct";
    if (declared_name(walk->reader, type, declared))
        name_print(name, "%s %s", keyword, declared);
    else if (kind_of(type) == C_ENUM && id < PREDEFINED_MAX)
        name_print(name, "ctype");
    else if (!typedef_name(walk, id, name))
        name_print(name, "%s (unnamed, type %u)", keyword, id);
}

/* Put `before` in front of what stands there, and `behind` after it. */
static void surround(struct c_type_walk *walk, const char *before, const char *behind)
{
    char inner[OBJECT_NAME_BYTES];
    memcpy(inner, walk->around, sizeof(inner));
    name_print(walk->around, "%s%s%s", before, inner, behind);
}

/* An array of, or a function that returns: binds tighter than a pointer. */
static void surround_behind(struct c_type_walk *walk, const char *behind)
{
    if (walk->around[0] == '*' || walk->around[0] == '&')
        surround(walk, "(", ")");
    surround(walk, "", behind);
}

static void surround_pointer(struct c_type_walk *walk, const struct c_type *type)
{
    char before[sizeof("*const volatile ")] = "&";
    uint32_t qualifiers = walk->qualifiers | type->info;
    if (!(type->info & is_reference))
        snprintf(before, sizeof(before), "*%s%s%s", qualifiers & is_const ? "const" : "",
            qualifiers & is_volatile ? " volatile" : "",
            qualifiers & (is_const | is_volatile) && walk->around[0] ? " " : "");
    surround(walk, before, "");
    walk->qualifiers = 0;
}

static void surround_array(struct c_type_walk *walk, const struct c_type *type)
{
    struct c_type item;
    char count[sizeof("__attribute__((vector_size(4294967295)))")] = "[]";
    if (type->info & is_vector)
        snprintf(count, sizeof(count), "__attribute__((vector_size(%u)))", type->size);
    else if (type->size == no_size && type->info & is_variable)
        memcpy(count, "[?]", sizeof("[?]"));
    else if (type->size != no_size && read_type(walk->reader, walk->types, type->info & CHILD_MASK, &item))
        snprintf(count, sizeof(count), "[%u]", item.size ? type->size / item.size : 0);
    surround_behind(walk, count);
}

static bool finish(struct c_type_walk *walk, const struct c_type *type, const char *innermost,
    char name[OBJECT_NAME_BYTES])
{
    uint32_t qualifiers = walk->qualifiers | (kind_of(type) <= C_VOID ? type->info : 0);
    name_print(name, "%s%s%s%s%s", qualifiers & is_const ? "const " : "", qualifiers & is_volatile ? "volatile " : "",
        innermost, walk->around[0] ? " " : "", walk->around);
    return true;
}

bool lua_c_type_name(struct lua_reader *reader, const struct lua_c_types *types, uint32_t id,
    char name[OBJECT_NAME_BYTES])
{
    struct c_type_walk walk = {.reader = reader, .types = types};
    struct c_type type;
    char innermost[OBJECT_NAME_BYTES];
    for (unsigned depth = 0; depth < DEPTH_MAX && read_type(reader, types, id, &type); depth++) {
        switch (kind_of(&type)) {
        case C_NUMBER:
            return finish(&walk, &type, number_name(&type), name);
        case C_VOID:
            return finish(&walk, &type, "void", name);
        case C_STRUCT:
        case C_ENUM:
            tagged_name(&walk, id, &type, innermost);
            return finish(&walk, &type, innermost, name);
        case C_TYPEDEF:
            return declared_name(reader, &type, innermost) && finish(&walk, &type, innermost, name);
        case C_POINTER:
            surround_pointer(&walk, &type);
            break;
        case C_ARRAY:
            if (type.info & is_complex)
                return finish(&walk, &type, type.size == 8 ? "float complex" : "double complex", name);
            surround_array(&walk, &type);
            break;
        case C_FUNCTION:
            surround_behind(&walk, "()");
            break;
        case C_ATTRIBUTE:
            if ((type.info >> ATTRIBUTE_SHIFT & ATTRIBUTE_MASK) == ATTRIBUTE_QUALIFIERS)
                walk.qualifiers |= type.size;
            break;
        default:
            return false;
        }
        id = type.info & CHILD_MASK;
    }
    return false;
}
