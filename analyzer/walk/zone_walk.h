/* What the walkers of zones' contents have in common. Private to them. */
#ifndef RESPIRE_WALK_ZONE_WALK_H
#define RESPIRE_WALK_ZONE_WALK_H

#include "walk/queue_ring.h"
#include "walk/shared_tree.h"
#include "walk/zone_contents.h"

struct zone_walk {
    const struct zone_reading *reading;
    struct shared_zone *zone;
    struct slab_claims claims;
    struct shared_tree tree;
    address_t record;          /* what the module keeps at pool->data */
    uint64_t torn;             /* places that were not what they should be */
};

/* Claims the module's record of `record_bytes` bytes, and its text for the log. Release with zone_walk_end(). */
struct error *zone_walk_begin(struct zone_walk *walk, const struct zone_reading *reading, struct shared_zone *zone,
    uint64_t record_bytes);

/*
 * Follow the tree that begins the record, with tree.node_bytes, visit and visitors set; the others of its fields are
 * set here, `workers` by zone_walk_workers() before.
 */
struct error *zone_walk_tree(struct zone_walk *walk);

unsigned zone_walk_workers(const struct zone_walk *walk);

/* The queue that the head at `head` begins: its first and last elements; false: not in memory. */
bool zone_walk_queue(const struct zone_walk *walk, address_t head, address_t *first, address_t *last);

/*
 * Adds the head to `ring`, and then the equation that the queue leads to all; not if its ends are others by now than
 * `first` and `last`: a queue that moves proves nothing.
 */
void zone_walk_check_queue(const struct zone_walk *walk, address_t head, address_t first, address_t last,
    struct queue_ring *ring);

/* Adds the equations that all kinds have in common. */
void zone_walk_check(const struct zone_walk *walk);

void zone_walk_end(struct zone_walk *walk);

struct error *dict_contents_read(const struct zone_reading *reading, struct shared_zone *zone);

#endif
