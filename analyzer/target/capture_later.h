/*
 * What was left out of a capture, once the target runs again: which of it is there, and copies of what is wanted. A
 * piece that was copied before and one that is copied now become one where they meet. Only target/ includes this file.
 */
#ifndef RESPIRE_TARGET_CAPTURE_LATER_H
#define RESPIRE_TARGET_CAPTURE_LATER_H

#include "target/capture_buffer.h"
#include "target/capture_plan.h"

/* Add to plan->presence what is there of what was left out. */
struct error *capture_later_look(struct target *target, const struct address_ranges *left_out,
    struct capture_plan *plan);

/*
 * Copy what is there of `ranges`, and add it to plan->pieces, which have been copied. `buffer` holds what is new, and
 * must live as long as they. ERROR_NOT_UNDERSTOOD: the target has given back meanwhile what was to be copied; the
 * pieces are no good then.
 */
struct error *capture_later_copy(struct target *target, const struct address_ranges *ranges, struct capture_plan *plan,
    struct capture_buffer *buffer);

#endif
