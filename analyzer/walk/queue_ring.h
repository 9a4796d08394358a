/*
 * Is a queue one that leads from its head to each entry once, and back? It is when what all of them point to next is,
 * taken together, all of them. Both are summed up in bins by address, so nothing has to be followed, and entries may
 * come in any order. A bin that does not come out is an entry that nobody leads to, or that is led to twice; a queue
 * that differs looks right only where hashes of addresses happen to cancel out.
 */
#ifndef RESPIRE_WALK_QUEUE_RING_H
#define RESPIRE_WALK_QUEUE_RING_H

#include <stdint.h>

enum { QUEUE_RING_BINS = 2048 };

struct queue_ring {
    uint64_t bins[QUEUE_RING_BINS];
};

static inline uint64_t queue_ring_mix(uint64_t value)
{
    value ^= value >> 31;
    value *= UINT64_C(0x7fb5d329728ea185);
    value ^= value >> 27;
    value *= UINT64_C(0x81dadef4bc2dd44d);
    return value ^ value >> 33;
}

/* An element of the queue, at `at`, and what it points to next; the head is one too. */
static inline void queue_ring_add(struct queue_ring *ring, uint64_t at, uint64_t next)
{
    uint64_t element = queue_ring_mix(at), successor = queue_ring_mix(next);
    ring->bins[element % QUEUE_RING_BINS] += element;
    ring->bins[successor % QUEUE_RING_BINS] -= successor;
}

static inline void queue_ring_join(struct queue_ring *ring, const struct queue_ring *other)
{
    for (unsigned i = 0; i < QUEUE_RING_BINS; i++)
        ring->bins[i] += other->bins[i];
}

/* How many elements are not led to once: 0 for a queue that is whole; above that, at least so many. */
static inline uint64_t queue_ring_astray(const struct queue_ring *ring)
{
    uint64_t differing = 0;
    for (unsigned i = 0; i < QUEUE_RING_BINS; i++)
        differing += ring->bins[i] != 0;
    return (differing + 1) / 2;
}

#endif
