/*
 * What is kept of one look at a process to be compared with another: names and numbers, no address and no graph, so
 * that looks at other processes, or at one that was started anew, can stand beside it. Live objects are told by the
 * path on which they are reached, by type and by size; garbage is one number.
 */
#ifndef RESPIRE_ANALYZE_MOMENT_H
#define RESPIRE_ANALYZE_MOMENT_H

#include "model/path_tree.h"
#include "model/process.h"

struct amount {
    uint64_t objects, bytes;
};

static inline bool amount_differs(const struct amount *before, const struct amount *after)
{
    return before->bytes != after->bytes || before->objects != after->objects;
}

/* The tables that lie at one step of a tree of paths. */
struct step_tables {
    uint64_t tables, records, bytes;
};

/* What is live in one Lua state, by path. */
struct moment_tree {
    struct path_tree paths;
    struct step_tables *tables; /* by step */
};

struct moment {
    pid_t pid;
    uint64_t taken_ns;  /* since 1970; set by the caller */
    bool has_residency, has_heaps; /* whether rss_bytes, held_bytes mean anything */
    uint64_t rss_bytes, held_bytes;
    uint64_t count_bytes; /* of the collectors: live, garbage and their own */
    struct amount live, garbage;
    struct amount types[LUA_TYPES], sizes[HISTOGRAM_BINS]; /* live: by type, by size as in model/histogram.h */
    struct moment_tree *trees; /* one for each state that was understood */
    size_t tree_count;
};

/*
 * All states that were understood, summed; ERROR_NOT_UNDERSTOOD when there is none. `process` has graphs. On failure
 * `moment` is untouched; otherwise release it with moment_free().
 */
struct error *moment_make(const struct process *process, struct moment *moment);

void moment_free(struct moment *moment);

#endif
