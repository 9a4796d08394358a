/* What a capture would copy, found out by one look at the target. Only target/ includes this file. */
#ifndef RESPIRE_TARGET_CAPTURE_PLAN_H
#define RESPIRE_TARGET_CAPTURE_PLAN_H

#include <stdbool.h>

#include "target/capture.h"

struct capture_pieces {
    struct capture_piece *items; /* without data yet */
    size_t count, capacity;
    uint64_t bytes; /* of all */
};

struct capture_plan {
    struct mappings mappings;
    struct presence presence;
    struct capture_pieces pieces;
};

/*
 * What is left out is not looked at. `of_shared`: look for the pages of shared mappings too (they are never copied).
 * `plan` is filled; free it in any case.
 */
struct error *capture_plan_make(struct target *target, bool of_shared, const struct capture_spares *spares,
    struct capture_plan *plan);

/* Plan to copy the pages of `range`, a part of `mapping`, that are there. */
struct error *capture_plan_range(const struct mapping *mapping, struct address_range range,
    const struct presence *presence, struct capture_pieces *pieces);

/* Is anything of that mapping copied, if it is there? */
bool capture_plan_is_copied(const struct mapping *mapping);

/* Let the pieces point one behind the other from `to` on. */
void capture_pieces_place(struct capture_pieces *pieces, unsigned char *to);

/* Copy each piece to where it points, in `buffer`. */
struct error *capture_pieces_copy(struct target *target, const struct capture_pieces *pieces, unsigned char *buffer);

void capture_plan_free(struct capture_plan *plan);

#endif
