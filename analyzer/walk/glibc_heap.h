/*
 * Walks all memory of glibc's malloc in a capture: each arena chunk by chunk, its bins and fastbins, the caches of
 * threads, and mappings of single blocks. What the walk counts must be what malloc's own books say:
 *
 *     chunks of an arena sum to its system_mem; a chunk is free by its neighbour's flag if and only if it is in a bin;
 *     caches hold as many as they say; mapped blocks are as many, and as large, as mp_ counts.
 */
#ifndef RESPIRE_WALK_GLIBC_HEAP_H
#define RESPIRE_WALK_GLIBC_HEAP_H

#include "model/glibc_heap.h"
#include "target/capture.h"

/*
 * Fills `heap`, which is zeroed. heap->layout stays NULL when no arena is in use: another malloc, or none. Books that
 * contradict each other are told in heap->damage; an error is returned only for want of memory. Release it either way.
 */
struct error *glibc_heap_walk(const struct capture *capture, struct glibc_heap *heap);

#endif
