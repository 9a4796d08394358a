/*
 * spare.h: the heap of a closed state, kept for the next one.
 *
 * Hosts that open and close many small states get their memory back warm, without a system call. There is at most
 * one; it goes back to the system when nobody has wanted it for a decay.
 */
#ifndef RESPIRE_RUNTIME_SPARE_H
#define RESPIRE_RUNTIME_SPARE_H

#include "heap.h"

/* The heap is no longer the caller's: kept, or destroyed. Nobody else may be using it. */
void spare_keep(struct heap *heap);

/* NULL: there is none. */
struct heap *spare_take(void);

/* Called by the purger: destroy a spare of that age. True: there is one that is younger. */
bool spare_decay(uint64_t age_ms);

#endif
