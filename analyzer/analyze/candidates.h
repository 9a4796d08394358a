/* Which processes of this machine are worth a look: those that map LuaJIT, linked in or as a library, or nginx. */
#ifndef RESPIRE_ANALYZE_CANDIDATES_H
#define RESPIRE_ANALYZE_CANDIDATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct candidate {
    pid_t pid;
    bool has_luajit;          /* some mapped file holds LuaJIT's version text */
    bool has_luajit_built_in; /* ... and it is the program itself: a preload can't stand in front of it */
    bool has_narrow_luajit;   /* ... or one that was built without GC64 */
    bool has_nginx;
    bool has_runtime;         /* librespire.so is mapped */
    uint64_t resident_bytes, pss_bytes;
};

struct candidates {
    struct candidate *items; /* by process id */
    size_t count, capacity;
    size_t forbidden;        /* processes that this user may not read */
};

struct error *candidates_find(struct candidates *candidates);

void candidates_free(struct candidates *candidates);

struct target;

/* The same look at one process that is already open. */
struct error *candidate_inspect(struct target *target, struct candidate *candidate);

#endif
