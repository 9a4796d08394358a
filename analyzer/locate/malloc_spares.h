/*
 * What of a running process need not be copied within a stop to walk glibc's malloc: the inside of large blocks, and
 * memory that malloc has not. Found out while the process runs, so it is a guess: the walk of what was captured tells
 * by its equations whether it was right (chunks sum to system memory; mapped blocks are as many, and as large, as
 * malloc counts).
 *
 * Blocks with a mapping of their own never change their header, so that is copied later, when the process runs again.
 */
#ifndef RESPIRE_LOCATE_MALLOC_SPARES_H
#define RESPIRE_LOCATE_MALLOC_SPARES_H

#include "target/capture.h"

/* `for_pools`: what nginx changes all the time, its connections, is not left out. Free it in any case. */
struct error *locate_malloc_spares(struct target *target, bool for_pools, struct capture_spares *spares);

void capture_spares_free(struct capture_spares *spares);

#endif
