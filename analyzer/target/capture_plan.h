/* What a capture would copy, found out by one look at the target. Only target/ includes this file. */
#ifndef RESPIRE_TARGET_CAPTURE_PLAN_H
#define RESPIRE_TARGET_CAPTURE_PLAN_H

#include <stdbool.h>

#include "target/capture.h"

struct capture_plan {
    struct mappings mappings;
    struct presence presence;
    struct {
        struct capture_piece *items; /* without data yet */
        size_t count, capacity;
    } pieces;
    uint64_t bytes; /* of all pieces */
};

/*
 * `of_shared`: look for the pages of shared mappings too (they are never copied). `plan` is filled; free it in any
 * case.
 */
struct error *capture_plan_make(struct target *target, bool of_shared, struct capture_plan *plan);

/* Copy the pieces one behind the other to `to`, and let them point there. */
struct error *capture_plan_copy(struct target *target, struct capture_plan *plan, unsigned char *to);

void capture_plan_free(struct capture_plan *plan);

#endif
