/* Two moments' paths laid over each other by the names of their steps: what lies at each step, before and after. */
#ifndef RESPIRE_ANALYZE_GROWTH_TREE_H
#define RESPIRE_ANALYZE_GROWTH_TREE_H

#include "analyze/moment.h"
#include "analyze/step_map.h"

enum growth_side { GROWTH_BEFORE, GROWTH_AFTER, GROWTH_SIDES };

struct growth_step {
    struct amount amounts[GROWTH_SIDES]; /* of the objects that lie just here */
    struct step_tables tables[GROWTH_SIDES];
};

struct growth_tree {
    struct path_tree paths; /* names and parents alone */
    struct growth_step *items; /* by step */
    size_t count, capacity;
    struct step_map map;    /* from parent and name */
};

/* Release with growth_tree_free(), whatever the outcome. */
struct error *growth_tree_make(const struct moment *before, const struct moment *after, struct growth_tree *tree);

void growth_tree_free(struct growth_tree *tree);

#endif
