/*
 * Who holds the memory of one Lua state: what the analysis of its object graph has found, ready to be printed or
 * compared with another. Plain data; every text is owned.
 */
#ifndef RESPIRE_MODEL_LUA_HOLDERS_H
#define RESPIRE_MODEL_LUA_HOLDERS_H

#include <stddef.h>
#include <stdint.h>

#include "model/path_tree.h"

struct table_row {
    char *path;
    uint64_t records;                 /* entries that are not nil */
    uint64_t array_slots, hash_slots; /* allocated */
    uint64_t bytes, retained_bytes;
    uint64_t other_references;        /* live references to it besides the one on the path */
};

struct table_rows {
    struct table_row *items;
    size_t count, capacity;
};

/* Objects that share a name: a C type, a file, a metatable, a line. */
struct group_row {
    char *name;
    uint64_t count, bytes;
};

struct group_rows {
    struct group_row *items; /* most bytes first */
    size_t count, capacity;
};

/* Live objects that sit on pages which hold little else. */
struct pin_row {
    char *path;                /* of what holds them, with differing indexes as [*] */
    uint64_t objects, bytes;   /* the objects, and how many bytes of them lie on those pages */
    uint64_t pinned_bytes;     /* of the pages; each page counts for one row, the one with most bytes on it */
    uint64_t free_bytes;       /* of those pages: what is free */
};

struct pin_rows {
    struct pin_row *items;     /* most pinned bytes first */
    size_t count, capacity;
    uint64_t pages, pinned_bytes, free_bytes; /* of all sparse pages, in rows or not */
};

struct lua_holders {
    uint64_t live_objects, live_bytes;
    uint64_t garbage_objects, garbage_bytes; /* what a full collection would free now */
    uint64_t awaited_objects, awaited_bytes; /* unreachable, but kept until finalizers were called */
    struct table_rows tables;                /* the largest by records, by own and by retained bytes, each once */
    struct path_tree references;             /* what is live, by path */
    struct group_rows garbage_types, garbage_functions;      /* functions: by the line that made the closure */
    struct group_rows string_patterns, string_sizes;         /* near duplicates by prefix; by size class */
    struct group_rows cdata_types, cdata_finalized;          /* by C type: all; those with a finalizer */
    struct group_rows userdata_types, proto_files, trace_files, coroutine_lines;
    struct pin_rows pins;
};

void lua_holders_free(struct lua_holders *holders);

#define GROUP_ROW_OTHERS "(others)" /* what is beyond a limit */

/* Add to the row of that name, or make it. Linear in the rows: for a few hundred names at most. */
struct error *group_rows_add(struct group_rows *rows, const char *name, uint64_t count, uint64_t bytes);

/* Most bytes first; only the first `limit` are kept, the others become one row "(others)", which is the last. */
struct error *group_rows_finish(struct group_rows *rows, size_t limit);

void group_rows_free(struct group_rows *rows);

#endif
