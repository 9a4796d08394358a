/*
 * The object graph of one Lua state: every object that its collector knows and every reference between them. No
 * offset of LuaJIT, no address but those of the objects. About 25 bytes an object.
 *
 * One more node stands behind all objects, graph->root: its references are the roots, best known first, so that a walk
 * that takes them in order reaches an object by the name that a Lua programmer would use.
 *
 * What the collector does not follow is no reference here: weak keys and values, what lies above a stack's top.
 */
#ifndef RESPIRE_MODEL_OBJECT_GRAPH_H
#define RESPIRE_MODEL_OBJECT_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/lua_type.h"
#include "model/object_index.h"

/* How an object refers to another. In brackets: what the payload is. */
enum reference_kind {
    REFERENCE_ITEM,        /* table: value of an integer key [the key; none when it is negative or too large] */
    REFERENCE_FIELD,       /* table: value of a string key [id of the string, which is held as well] */
    REFERENCE_ENTRY,       /* table: value of another object as key [id of the key] */
    REFERENCE_OTHER_ENTRY, /* table: value of any other key: number, boolean, light userdata */
    REFERENCE_KEY,         /* table: a key, unless a REFERENCE_FIELD holds it with its value */
    REFERENCE_METATABLE,   /* table, userdata, state */
    REFERENCE_ENVIRONMENT, /* function, userdata, thread */
    REFERENCE_UPVALUE,     /* function: upvalue object, or the value itself in a C function [its index from 0] */
    REFERENCE_VALUE,       /* upvalue: its value */
    REFERENCE_PROTO,       /* function: what it was compiled to; trace: where it starts */
    REFERENCE_CONSTANT,    /* proto, trace */
    REFERENCE_CHUNK_NAME,  /* proto */
    REFERENCE_TRACE,       /* proto, trace */
    REFERENCE_SLOT,        /* thread: a stack slot [its index from the stack's bottom] */
    REFERENCE_BUFFER,      /* userdata: what a string.buffer refers to */
    /* From the root node alone. */
    ROOT_GLOBALS,          /* _G: the environment of the main thread */
    ROOT_LOADED,           /* package.loaded */
    ROOT_REGISTRY,
    ROOT_MAIN_THREAD,
    ROOT_RUNNING_THREAD,   /* when it is not the main thread */
    ROOT_METATABLE,        /* of a basic type [number of the type, as layouts/lua_value.h has them] */
    ROOT_FINALIZERS,       /* the FFI's table of finalizers */
    ROOT_INTERNAL,         /* names of metamethods, standard input and output, the FFI's own */
    ROOT_FIXED,            /* strings that are never collected: reserved words, names of C types */
    ROOT_PENDING,          /* waits for its finalizer to be called */
    REFERENCE_KINDS,
};

enum { REFERENCE_PAYLOAD_BITS = 27 };
#define REFERENCE_PAYLOAD_NONE ((1u << REFERENCE_PAYLOAD_BITS) - 1)

struct reference {
    object_id target;
    uint32_t label; /* kind and payload */
};

static inline uint32_t reference_label(enum reference_kind kind, uint64_t payload)
{
    uint32_t kept = payload < REFERENCE_PAYLOAD_NONE ? (uint32_t)payload : REFERENCE_PAYLOAD_NONE;
    return (uint32_t)kind << REFERENCE_PAYLOAD_BITS | kept;
}

static inline enum reference_kind reference_kind(uint32_t label)
{
    return (enum reference_kind)(label >> REFERENCE_PAYLOAD_BITS);
}

static inline uint32_t reference_payload(uint32_t label)
{
    return label & REFERENCE_PAYLOAD_NONE;
}

/* The key of a field, which is held as its value is; a string, so it holds nothing. OBJECT_NONE for other kinds. */
static inline object_id reference_key(struct reference reference)
{
    uint32_t payload = reference_payload(reference.label);
    bool has_key = reference_kind(reference.label) == REFERENCE_FIELD && payload != REFERENCE_PAYLOAD_NONE;
    return has_key ? payload : OBJECT_NONE;
}

/* What else is known of an object; by type. */
enum {
    DETAIL_TABLE_RECORDS_MAX = UINT16_MAX, /* table: its entries that are not nil; or this, and then ask */
    DETAIL_FUNCTION_LUA = 0,               /* function: 0 = Lua, 1 = C, else a builtin of LuaJIT */
    DETAIL_FUNCTION_C = 1,
    /* cdata: number of its C type. userdata: 0 = plain, 1 = io file, 2 = ffi library, 3 = string.buffer */
    /* thread: 0 = can be resumed or has ended, 1 = yielded, else the number of the error that ended it */
    /* upvalue: 1 = closed. trace: its number. */
};

/* A number of a table, where it is out of the ordinary; lists of them are in the order of ids. */
struct table_number {
    object_id table;
    uint32_t number;
};

struct table_numbers {
    struct table_number *items;
    size_t count, capacity;
};

struct object_graph {
    struct object_index index;
    object_id count;             /* of objects; also the id of the root node */
    object_id root;
    uint8_t *types;              /* enum lua_type */
    uint8_t *flags;              /* enum object_flag; of a table, above OBJECT_HASH_SHIFT, log2 of its hash slots */
    uint16_t *details;
    uint32_t *bytes;             /* with all that the object owns */
    uint32_t *first_reference;   /* count + 2 of them: of each object, of the root node, and the end */
    struct reference *references;
    uint32_t reference_count;
    struct table_numbers many_records; /* records that do not fit in `details` */
    struct table_numbers array_slots;  /* of tables that have an array part */
};

enum object_flag {
    OBJECT_HAS_FINALIZER = 1,  /* unreachable, it would live through the next collection, to be finalized */
    OBJECT_IS_WEAK_KEYED = 2,  /* table */
    OBJECT_IS_WEAK_VALUED = 4, /* table */
    OBJECT_HASH_SHIFT = 3,
};

/* Entries that are not nil. */
uint32_t graph_table_records(const struct object_graph *graph, object_id table);

/* Slots that are allocated in its two parts; 0 when it has no such part. */
uint32_t graph_table_array_slots(const struct object_graph *graph, object_id table);
uint32_t graph_table_hash_slots(const struct object_graph *graph, object_id table);

/* What the first reference of that kind leads to; OBJECT_NONE when the object has none. */
object_id graph_referred(const struct object_graph *graph, object_id object, enum reference_kind kind);

void object_graph_free(struct object_graph *graph);

#endif
