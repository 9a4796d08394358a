/*
 * What would go if an object went: its own bytes and those of everything that can be reached through it alone (its
 * retained bytes). By semi-dominators and nearest common ancestors (semi-NCA), on the objects that refer to others;
 * what refers to nothing belongs to the nearest common dominator of those that hold it.
 */
#ifndef RESPIRE_ANALYZE_DOMINATORS_H
#define RESPIRE_ANALYZE_DOMINATORS_H

#include "model/object_graph.h"

struct dominators {
    uint32_t *number; /* by object: its place in retained_bytes; OBJECT_NONE: it retains itself alone */
    uint64_t *retained_bytes;
};

/*
 * Needs some 50 bytes an object that refers to others, for a while. Release with dominators_free(), whatever the
 * outcome.
 */
struct error *dominators_find(const struct object_graph *graph, struct dominators *dominators);

/* The retained bytes of a live object. */
uint64_t dominators_retained(const struct dominators *dominators, const struct object_graph *graph, object_id object);

void dominators_free(struct dominators *dominators);

#endif
