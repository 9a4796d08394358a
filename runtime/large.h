/*
 * large.h: objects of LARGE_BYTES and more, each on a mapping of its own. Called by the mutator, except where said.
 */
#ifndef RESPIRE_RUNTIME_LARGE_H
#define RESPIRE_RUNTIME_LARGE_H

#include "heap.h"

/* NULL: no memory. */
void *large_allocate(struct heap *heap, size_t bytes);

/* `bytes` is what the caller thinks its size is. */
void large_free(struct heap *heap, void *object, size_t bytes);

/* Both sizes are LARGE_BYTES or more, or new_bytes is smaller and the object stays where it is. NULL: no memory,
   and nothing changed; never NULL when new_bytes is not greater than the old size. */
void *large_resize(struct heap *heap, void *object, size_t new_bytes);

/* True when the object has a mapping of its own. */
bool large_holds(struct heap *heap, const void *object);

/* Re-enter every slot of a table into a bigger one of `slots` slots (a power of two, all zero). */
void large_rehash(struct heap *heap, struct respire_large_slot *table, uint64_t slots);

/* Give back kept mappings that would show in the program's peak now, and `more_bytes` of the others, since the heap has
   grown by as much elsewhere. Mutator only, without the lock. */
void large_make_way(struct heap *heap, uint64_t more_bytes);

/* Take one free mapping that has been free for `age_ms` out of the table. False: there is none. *young is set when
   there are younger ones. Any thread, lock held. The caller returns the memory after it has let go of the lock. */
bool large_detach_free(struct heap *heap, uint64_t age_ms, void **address, size_t *bytes, bool *young);

#endif
