/*
 * What a module keeps in its zone: entries in a red-black tree, most of them in a queue too. They are found among the
 * slabs that are used, in the order of addresses, because each step through a large tree waits for memory.
 *
 * Equations: each entry is below the one that it names, and once; the tree has as many nodes as there are entries, and
 * its queue leads to each of them; what entries, list items and the module's own records take = slabs used, on each
 * page, and whole pages; a cache's own count = its entries.
 */
#ifndef RESPIRE_WALK_ZONE_CONTENTS_H
#define RESPIRE_WALK_ZONE_CONTENTS_H

#include "walk/slab_pool.h"

struct zone_reading {
    const struct shared_image *image;
    const struct slab_pool *pool;
    uint64_t now_ms;          /* since 1970, as nginx counts times to live */
    uint64_t monotonic_ms;    /* as nginx counts ages (ngx_current_msec); 0: not known */
    bool show_strings;        /* keep keys */
    size_t largest_count;     /* how many of the largest entries to keep */
};

/*
 * zone->kind and zone->slabs are known. Fills zone->contents, adds checks; to zone->changes it may add what it saw
 * change and the pool's counters do not tell, as entries that moved in their queue. Errors as slab_pool_read(); the
 * contents may then be filled in part, and are to be released all the same.
 */
struct error *zone_contents_read(const struct zone_reading *reading, struct shared_zone *zone);

#endif
