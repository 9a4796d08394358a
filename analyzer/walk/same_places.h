/*
 * Are two sets of places the same? Hashes of all places of one are added up, in bins, and those of the other are taken
 * away: nothing has to be sorted or followed, and places may come in any order. A bin that does not come out holds a
 * place that only one of the two has. Sets that differ look the same only where hashes happen to cancel out.
 *
 * A queue that leads from its head to each entry once, and back, is one of which what all point to next is all of them.
 */
#ifndef RESPIRE_WALK_SAME_PLACES_H
#define RESPIRE_WALK_SAME_PLACES_H

#include <stdint.h>

enum { SAME_PLACES_BINS = 512 };

struct same_places {
    uint64_t bins[SAME_PLACES_BINS];
};

static inline uint64_t place_hash(uint64_t place)
{
    place ^= place >> 31;
    place *= UINT64_C(0x7fb5d329728ea185);
    place ^= place >> 27;
    place *= UINT64_C(0x81dadef4bc2dd44d);
    return place ^ place >> 33;
}

static inline void same_places_add(struct same_places *places, uint64_t place)
{
    const uint64_t hash = place_hash(place);
    places->bins[hash % SAME_PLACES_BINS] += hash;
}

static inline void same_places_take(struct same_places *places, uint64_t place)
{
    const uint64_t hash = place_hash(place);
    places->bins[hash % SAME_PLACES_BINS] -= hash;
}

static inline void same_places_join(struct same_places *places, const struct same_places *other)
{
    for (unsigned i = 0; i < SAME_PLACES_BINS; i++)
        places->bins[i] += other->bins[i];
}

/* 0 when both sets are the same; else in how many places they differ at least. */
static inline uint64_t same_places_differing(const struct same_places *places)
{
    uint64_t differing = 0;
    for (unsigned i = 0; i < SAME_PLACES_BINS; i++)
        differing += places->bins[i] != 0;
    return differing;
}

#endif
