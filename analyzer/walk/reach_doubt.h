/*
 * References that may be remains. Configuring leaves pointers to what it has freed in a cycle's memory, and malloc
 * makes new things there. What such a pointer leads to today it holds for sure only if something there agrees.
 *
 * Doubtful ones are put off until the others have been followed. Then each is an entry: what it leads to is its own,
 * until another entry leads to the same object by way of others. That one holds all of a list, and the first was a
 * remain that led to its middle.
 */
#ifndef RESPIRE_WALK_REACH_DOUBT_H
#define RESPIRE_WALK_REACH_DOUBT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "target/memory_view.h"

/* A word that may hold something. */
struct pool_reference {
    address_t place, pointer;
    bool of_cycle; /* it lies in the memory of a cycle's pool */
    uint32_t root;
};

enum reference_trust { REFERENCE_NONE, REFERENCE_DOUBTFUL, REFERENCE_SURE };

/*
 * What a reference to that memory is worth. None: it leads to something else, or to the middle of it and may be a
 * number. Sure: it is not a cycle's, it names the pool that the memory belongs to (ADDRESS_NONE: none), or there is a
 * witness near where it leads: a word that names the pool, or that refers back to where the reference is, as what hangs
 * in a list does. Doubtful: it leads to the very start.
 */
enum reference_trust reference_trust(struct memory_view *view, const struct pool_reference *reference,
    struct address_range memory, address_t pool);

struct reach_entry {
    address_t object;
    uint32_t root;
    size_t order;    /* in which it was put off */
    size_t taken_by; /* index of the entry that leads to its object; its own: none */
};

struct reach_entries {
    struct reach_entry *items; /* by object from `first` to `opened` */
    size_t count, capacity;
    size_t first, opened; /* those of this round */
};

/* False: no memory. */
bool reach_entries_add(struct reach_entries *entries, address_t object, uint32_t root);

/* The next round: those that were added since the last one. False: there are none. */
bool reach_entries_open(struct reach_entries *entries);

/* The entry `taker` of this round leads to `object`: if another stands for it, all that is its is the taker's. */
void reach_entries_take(struct reach_entries *entries, address_t object, size_t taker);

/* The root of the entry that an entry belongs to in the end. */
uint32_t reach_entries_root(const struct reach_entries *entries, size_t entry);

#endif
