/*
 * The lists in a lua_shared_dict: queues of items, each a slab of its own. They are gathered, and followed some at a
 * time, beside each other, because each step waits for memory. One for each thread. Private to the walkers.
 */
#ifndef RESPIRE_WALK_DICT_LISTS_H
#define RESPIRE_WALK_DICT_LISTS_H

#include "walk/dict_sums.h"

enum { DICT_LISTS_TOGETHER = 32 };

struct dict_list {
    struct dict_entry entry; /* its items are counted when they are met */
    address_t head;
    address_t at, previous;  /* the item to look at next, and what it must name as the one before */
    uint64_t length;         /* as the entry has it */
    bool goes;               /* the entry has expired */
};

struct dict_lists {
    const struct shared_image *image;
    struct slab_claims *claims;
    struct dict_sums *sums;  /* takes each list when its items have been counted */
    uint64_t torn;
    struct dict_list lists[DICT_LISTS_TOGETHER];
    unsigned count;
};

/* A list whose head is at `head` and has `length` items. */
void dict_lists_add(struct dict_lists *lists, const struct dict_entry *entry, address_t head, uint64_t length);

/* Follow those that have been gathered. */
void dict_lists_follow(struct dict_lists *lists);

#endif
