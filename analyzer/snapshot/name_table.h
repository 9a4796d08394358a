/*
 * Names of objects, gathered while the target's memory is at hand, and found again without it. What many objects have
 * in common is there once: the places and upvalues of closures under their proto, the names of cdata under their C
 * type, those of userdata under their metatable.
 */
#ifndef RESPIRE_SNAPSHOT_NAME_TABLE_H
#define RESPIRE_SNAPSHOT_NAME_TABLE_H

#include "model/lua_state.h"
#include "model/object_names.h"
#include "snapshot/codec.h"

enum {
    NAME_KIND_C_TYPE = NAME_TYPE + 1, /* a name of kind NAME_TYPE whose bearer is the number of a C type */
    NAME_TABLE_KINDS,
};

struct name_entry {
    uint32_t bearer; /* number of an object, or of a C type */
    uint32_t index;
    uint32_t text;   /* offset into texts */
};

struct name_list {
    struct name_entry *items; /* ascending by bearer and index */
    size_t count, capacity;
};

struct name_table {
    struct name_list lists[NAME_TABLE_KINDS]; /* by enum object_name_kind, and NAME_KIND_C_TYPE */
    char *texts;
    size_t text_bytes, text_capacity;
    const struct object_graph *graph; /* not owned: tells who bears the names of an object */
};

/* What paths and rows may ask for; strings only where they are keys, unless contents are to be shown. */
struct error *name_table_gather(const struct lua_state *state, enum string_contents contents,
    struct name_table *table);

void name_table_visit(struct codec *codec, struct name_table *table);

/* Names from the table, which they own from here on; it was made by malloc(). The graph stays as long. */
struct object_names name_table_names(struct name_table *table);

/* Who bears a name of this kind of an object, and in which list. */
object_id name_table_bearer(const struct object_graph *graph, enum object_name_kind kind, object_id object,
    unsigned *list);

/* Behind all others of that list, or to be sorted later. */
struct error *name_table_add(struct name_table *table, unsigned list, struct name_entry entry, const char *text);

int name_entry_compare(const void *left, const void *right);

void name_table_free(struct name_table *table);

#endif
