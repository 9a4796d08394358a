/* Memory that a walk from pointer to pointer has yet to go through, first come, first served. */
#ifndef RESPIRE_WALK_REACH_QUEUE_H
#define RESPIRE_WALK_REACH_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"

struct reach_item {
    struct address_range range;
    uint32_t root;
    bool of_cycle; /* in the pool of a cycle */
};

struct reach_queue {
    struct reach_item *items;
    size_t count, capacity;
    size_t next; /* the first that is left */
};

/* An empty range is not added. Errors: no memory. Release it with ARRAY_FREE(). */
struct error *reach_queue_add(struct reach_queue *queue, struct address_range range, uint32_t root, bool of_cycle);

/* False: none is left. */
bool reach_queue_take(struct reach_queue *queue, struct reach_item *item);

#endif
