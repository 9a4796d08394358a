/*
 * Every slab that is used, and every run of pages that was given out, in the order of addresses. Its page's bitmap is
 * read at the same moment, so what is given out or taken back meanwhile is met or not, but nothing else is lost: with
 * few changes, few are missing.
 */
#ifndef RESPIRE_WALK_SLAB_SCAN_H
#define RESPIRE_WALK_SLAB_SCAN_H

#include "walk/slab_pool.h"

enum { SLAB_SCAN_BYTES_MAX = 128 };

struct slab_scan {
    const struct shared_image *image;
    const struct slab_pool *pool;
    unsigned bytes;   /* of each that `visit` is shown; smaller slabs are left out */
    unsigned workers; /* at most OBJECT_SHARES_MAX */
    /* Called by several threads, each with a visitor of its own; `slab` is a copy of its first bytes. */
    void (*visit)(void *visitor, address_t at, const unsigned char *slab);
    void *visitors;   /* `workers` of them, visitor_bytes apart */
    size_t visitor_bytes;
};

void slab_scan_run(const struct slab_scan *scan);

#endif
