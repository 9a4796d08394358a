/*
 * What the walkers of zones' contents have in common. Entries are found by the slabs that are used, in the order of
 * addresses: that goes wrong in no more places than change meanwhile, whereas a tree that turns while it is followed
 * may hide a whole branch. When nothing changed, tree and queue must hold just what was found. Private to the walkers.
 */
#ifndef RESPIRE_WALK_ZONE_WALK_H
#define RESPIRE_WALK_ZONE_WALK_H

#include "layouts/nginx_zone_contents.h"
#include "walk/slab_claims.h"
#include "walk/tree_links.h"
#include "walk/zone_contents.h"

struct zone_walk {
    const struct zone_reading *reading;
    struct shared_zone *zone;
    const struct nginx_zone_row *row;
    struct slab_claims claims;
    struct tree_links links;
    address_t record;          /* what the module keeps at pool->data */
    address_t root, sentinel;  /* of the tree that begins it */
    address_t queue, newest, oldest; /* its queue's head, if it has one, and the ends when the walk began */
    unsigned workers;
    uint64_t torn;             /* places at which something did not go on as it should */
    /*
     * Set by each kind. Called for each slab that may be an entry, by several threads, each with a visitor of its own;
     * `node` is a copy of `entry_bytes` bytes. False: it is none; then nothing was claimed.
     */
    bool (*visit)(void *visitor, address_t at, const unsigned char *node);
    void *visitors;            /* `workers` of them, visitor_bytes apart */
    size_t visitor_bytes;
    unsigned entry_bytes;
};

/* Does the pool hold a text for the log that begins with `text`, and a record of `record_bytes` bytes? */
bool zone_is_laid_out(const struct zone_reading *reading, const char *text, uint64_t record_bytes);

/* The row by which the zone's module keeps its things; NULL: by none of these. */
const struct nginx_zone_row *zone_row_of(const struct zone_reading *reading, const struct nginx_zone_rows *rows);

/* Claims the module's own records and its text for the log. Release with zone_walk_end(). */
struct error *zone_walk_begin(struct zone_walk *walk, const struct zone_reading *reading,
    struct shared_zone *zone, const struct nginx_zone_row *row);

/* Show all entries to the visitors, and hold them against tree and queue. Fills entries and tree_height. */
struct error *zone_walk_entries(struct zone_walk *walk);

/* Adds the equations when all that belongs to the entries has been claimed. */
void zone_walk_check(const struct zone_walk *walk);

void zone_walk_end(struct zone_walk *walk);

/* Keeps the key at `at`, of shown->key_bytes bytes, if contents may be shown. */
struct error *zone_show_key(const struct zone_reading *reading, address_t at, struct shown_entry *shown);

struct error *dict_contents_read(const struct zone_reading *reading,
    const struct nginx_zone_row *row, struct shared_zone *zone);

struct error *tree_contents_read(const struct zone_reading *reading,
    const struct nginx_zone_row *row, struct shared_zone *zone);

/* Leaves zone->contents unknown when the zone is laid out in no known way. */
struct error *peers_contents_read(const struct zone_reading *reading, struct shared_zone *zone);

#endif
