/*
 * Objects in the blocks of pools that many share: of cycles, connections and requests. Such a pool keeps no books of
 * what it gave out. An object lies from one place that something points to up to the next.
 */
#ifndef RESPIRE_WALK_SHARED_OBJECTS_H
#define RESPIRE_WALK_SHARED_OBJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/nginx_pools.h"
#include "target/memory_view.h"

/* What a block has given out. */
struct shared_block {
    struct address_range range;
    uint64_t first_bit; /* of its words in the maps */
};

struct shared_objects {
    struct shared_block *items; /* address order */
    size_t count, capacity;
    uint64_t *starts; /* a bit a word: something points here */
    uint64_t *taken;  /* at starts */
    uint64_t *blanks; /* words that lead nowhere, whatever they look like */
};

/* False: no memory. `objects` is zeroed; free it in any case. */
bool shared_objects_make(struct memory_view *view, const struct nginx_pools *pools, struct shared_objects *objects);

/*
 * `word` lies at `place`: where it leads to, an object starts. Not if it leads to its neighbourhood, as an empty queue
 * does, and a list that is its own last part.
 */
void shared_objects_learn(struct shared_objects *objects, address_t place, uint64_t word);

/* The word at `place` leads nowhere, whatever it looks like. */
void shared_objects_blank(struct shared_objects *objects, address_t place);

/* The block that `at` lies in, or NULL. */
const struct shared_block *shared_objects_block(const struct shared_objects *objects, address_t at);

bool shared_objects_is_blank(const struct shared_objects *objects, const struct shared_block *block, address_t place);

/* The object that holds `at`. False: none. */
bool shared_objects_at(const struct shared_objects *objects, address_t at, struct address_range *object);

/* The same, and it is taken. False also when it was before. */
bool shared_objects_take(struct shared_objects *objects, address_t at, struct address_range *object);

void shared_objects_free(struct shared_objects *objects);

#endif
