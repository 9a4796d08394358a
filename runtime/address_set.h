/*
 * address_set.h: a set of addresses other than 0, for the question that a state under two allocators asks at each free.
 *
 * An open-addressing table on pages of its own, at most half full: a look-up is one multiplication and about one
 * compare. One user at a time. Zero-initialised it is empty.
 */
#ifndef RESPIRE_RUNTIME_ADDRESS_SET_H
#define RESPIRE_RUNTIME_ADDRESS_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct address_set {
    uintptr_t *slots;  /* 0: empty */
    size_t slot_count; /* a power of two, or 0 */
    size_t used;
    unsigned shift; /* of a hash, to make it an index */
};

static inline size_t address_set_home(const struct address_set *set, uintptr_t address)
{
    return (size_t)(address * 0x9E3779B97F4A7C15u >> set->shift);
}

static inline bool address_set_has(const struct address_set *set, uintptr_t address)
{
    if (set->used == 0)
        return false;
    for (size_t i = address_set_home(set, address);; i = (i + 1) & (set->slot_count - 1)) {
        if (set->slots[i] == address)
            return true;
        if (set->slots[i] == 0)
            return false;
    }
}

/* Twice the slots, as far as there is memory. False: there are less than `count` left to fill. */
bool address_set_grow(struct address_set *set, size_t count);

/* Make sure that `count` (a few) more fit. False: there is no memory. */
static inline bool address_set_reserve(struct address_set *set, size_t count)
{
    return set->used < set->slot_count / 2 || address_set_grow(set, count);
}

/* What is in the set already stays in it once. Room has been reserved. */
void address_set_add(struct address_set *set, uintptr_t address);

/* What is not in the set changes nothing. */
void address_set_remove(struct address_set *set, uintptr_t address);

/* Return its memory; it is empty then. */
void address_set_release(struct address_set *set);

#endif
