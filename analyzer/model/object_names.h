/*
 * What objects are called: the texts that an object graph does not hold. They are asked for one by one, when a path or
 * a row is printed, from the copy of the target's memory (walk/lua_names.h) or from a snapshot.
 *
 * Memory holds secrets: a string is told only when it is like an identifier (letters, digits, _ . - : / and no more
 * than 64 of them), unless the caller asks for contents.
 */
#ifndef RESPIRE_MODEL_OBJECT_NAMES_H
#define RESPIRE_MODEL_OBJECT_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/object_index.h"

enum { OBJECT_NAME_BYTES = 128 }; /* longest name with its zero; what is longer is cut, with "..." at its end */

/* May contents of strings be told? */
enum string_contents { STRING_CONTENTS_HIDDEN, STRING_CONTENTS_SHOWN };

enum object_name_kind {
    NAME_STRING,   /* string: its text, if like an identifier; index STRING_CONTENTS_SHOWN: whatever it is, as \xNN */
    NAME_PLACE,    /* "app/router.lua:42": proto, function, trace: its first line; thread: the line where it waits */
    NAME_UPVALUE,  /* function: name of upvalue [index] in the source */
    NAME_LOCAL,    /* thread: name of the local variable in stack slot [index]; in round brackets what has no name of
                      its own: "(for state)", "(vararg)", "(argument 1)" of a thread that was not started */
    NAME_TYPE,     /* cdata: its C type, "struct point", "uint8_t [1024]"; userdata: __name of its metatable */
};

struct object_names {
    /* False when there is no such name. `name` has OBJECT_NAME_BYTES. */
    bool (*get)(void *context, enum object_name_kind kind, object_id object, uint32_t index, char *name);
    void (*release)(void *context);
    void *context; /* owned: released by object_names_release() */
};

static inline bool object_name(const struct object_names *names, enum object_name_kind kind, object_id object,
    uint32_t index, char name[OBJECT_NAME_BYTES])
{
    return names && names->get && names->get(names->context, kind, object, index, name);
}

static inline void object_names_release(struct object_names *names)
{
    if (names->release)
        names->release(names->context);
    *names = (struct object_names){0};
}

#endif
