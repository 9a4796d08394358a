/* What the walkers of zones' contents have in common. Private to them. */
#ifndef RESPIRE_WALK_ZONE_WALK_H
#define RESPIRE_WALK_ZONE_WALK_H

#include "layouts/nginx_zone_contents.h"
#include "walk/queue_ring.h"
#include "walk/shared_tree.h"
#include "walk/zone_contents.h"

struct zone_walk {
    const struct zone_reading *reading;
    struct shared_zone *zone;
    const struct nginx_zone_row *row;
    struct slab_claims claims;
    struct shared_tree tree;
    address_t record;          /* what the module keeps at pool->data */
    uint64_t torn;             /* places that were not what they should be */
};

/* Does the pool hold a text for the log that begins with `text`, and a record of `record_bytes` bytes? */
bool zone_is_laid_out(const struct zone_reading *reading, const char *text, uint64_t record_bytes);

/* The row by which the zone's module keeps its things; NULL: by none of these. */
const struct nginx_zone_row *zone_row_of(const struct zone_reading *reading, const struct nginx_zone_rows *rows);

/* Claims the module's own records and its text for the log. Release with zone_walk_end(). */
struct error *zone_walk_begin(struct zone_walk *walk, const struct zone_reading *reading, struct shared_zone *zone,
    const struct nginx_zone_row *row);

/*
 * Follow the tree that begins the record, with tree.workers (by zone_walk_workers()), tree.node_bytes, visit and
 * visitors set; the others of its fields are set here.
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

struct error *dict_contents_read(const struct zone_reading *reading, const struct nginx_zone_row *row,
    struct shared_zone *zone);

struct error *tree_contents_read(const struct zone_reading *reading, const struct nginx_zone_row *row,
    struct shared_zone *zone);

/* Leaves zone->contents unknown when the zone is laid out in no known way. */
struct error *peers_contents_read(const struct zone_reading *reading, struct shared_zone *zone);

#endif
