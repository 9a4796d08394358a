/*
 * What can be reached from the roots, by the shortest way: a tree that holds every live object once. Ways are taken in
 * the order of the roots: what _G or package.loaded holds is reached through them, however short another way is.
 */
#ifndef RESPIRE_ANALYZE_REACH_H
#define RESPIRE_ANALYZE_REACH_H

#include "model/object_graph.h"

#define REACH_NONE UINT32_MAX

struct reach {
    uint32_t *via;        /* by object: the reference (index) that leads to it, or has it as key; or REACH_NONE */
    object_id *order;     /* the live objects, each behind the one that holds it; live_objects of them */
    uint64_t live_objects, live_bytes;
    uint64_t doomed_objects, doomed_bytes;   /* unreachable, and free after one full collection */
    uint64_t awaited_objects, awaited_bytes; /* unreachable, but kept for finalizers that are still to be called */
    uint8_t *awaited;     /* a bit by object: unreachable, but kept for a finalizer */
};

/* Release with reach_free(), whatever the outcome. */
struct error *reach_find(const struct object_graph *graph, struct reach *reach);

void reach_free(struct reach *reach);

/* The object that holds reference `index`; graph->root for a root. */
object_id reach_holder(const struct object_graph *graph, uint32_t index);

static inline bool reach_is_awaited(const struct reach *reach, object_id object)
{
    return reach->awaited[object / 8] >> object % 8 & 1;
}

#endif
