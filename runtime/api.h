/*
 * api.h: what include/respire.h and the Lua module both offer, once the heap is found.
 */
#ifndef RESPIRE_RUNTIME_API_H
#define RESPIRE_RUNTIME_API_H

#include "respire.h"

#include "heap.h"

/* By the mutator, as all that follows. */
void heap_stats(struct heap *heap, struct respire_stats *stats);

/* Returns the bytes given back. */
size_t heap_trim(struct heap *heap);

#endif
