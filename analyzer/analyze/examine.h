/*
 * One look at a target, from the copy to the checked model: capture, locate, walk, and the ledger when asked for.
 *
 * Where malloc or pools alone are asked for, a first look copies only what these need (locate/malloc_spares.h). What
 * does not come out to the byte then is looked at again with everything.
 *
 * A walk whose equations fail is repeated on a fresh copy, stopped this time, up to three times. What still fails
 * then is told in the model (lua_state.damage, failed checks) and its numbers are not shown.
 */
#ifndef RESPIRE_ANALYZE_EXAMINE_H
#define RESPIRE_ANALYZE_EXAMINE_H

#include "model/process.h"
#include "target/target.h"

enum { EXAMINE_ATTEMPTS_MAX = 4 };

struct examine_options {
    bool want_map;    /* system level and page ledger */
    bool want_graph;  /* each state's objects and their names; takes a third more memory than the target's heap */
    bool want_strings, show_strings; /* with the graph: what strings have in common, and may their contents be shown */
    bool want_sparse_pages;          /* with the graph: what keeps pages that are mostly free */
    bool want_heap;   /* the C library's malloc */
    bool want_pools;  /* nginx's pools, if it is one; the C library's malloc with them */
    bool want_zones;  /* nginx's shared memory zones, if it is one and they may be read; with show_strings keys */
    bool never_stop;  /* rather fail than stop the target */
};

/* On failure `process` is untouched; otherwise release it with process_release(). */
struct error *examine(struct target *target, const struct examine_options *options, struct process *process);

#endif
