/*
 * The books of a zone's slab pool (ngx_slab_pool_t), read from outside while nginx goes on: no lock is taken. All of
 * the books are copied at once; what a change in between has torn shows in the equations:
 *   end = the zone's end; the first page, their number and the last entry are where the zone's size lays them;
 *   bits set in the pages of slabs = what statistics count as used, in slabs and in bytes; those pages' slabs = total;
 *   pages marked free = pages on the list of free runs = pfree;
 *   pages of slabs with room = pages on the slots' lists. Lists are followed only when nothing changed.
 */
#ifndef RESPIRE_WALK_SLAB_POOL_H
#define RESPIRE_WALK_SLAB_POOL_H

#include "model/shared_zones.h"
#include "target/shared_image.h"

/* What a page is, by its entry in the books. */
enum slab_page_kind {
    SLAB_PAGE_FREE,
    SLAB_PAGE_SMALL,     /* slabs; the bitmap is in the page's first ones */
    SLAB_PAGE_EXACT,     /* as many slabs as a word has bits */
    SLAB_PAGE_BIG,       /* fewer */
    SLAB_PAGE_WHOLE,     /* the first page of those that were given out together */
    SLAB_PAGE_CONTINUED, /* one of the others */
};

struct slab_page {
    uint8_t kind;         /* enum slab_page_kind */
    uint8_t shift;        /* log2 of its slabs' bytes; of other pages 0 */
    uint16_t used;        /* slabs, but for those of the bitmap */
    uint32_t run;         /* of the first page of a free run, or SLAB_PAGE_WHOLE: how many pages; else 0 */
};

/* What tells whether anybody was at work meanwhile. */
struct slab_counters {
    uint64_t lock;        /* not 0: somebody is inside */
    uint64_t requests, failures, used, free_pages;
};

struct slab_pool {
    address_t data;           /* what the module keeps at pool->data */
    address_t start;          /* of page 0 */
    uint64_t page_count;
    unsigned page_shift, size_count;
    struct slab_page *pages;  /* owned */
    struct slab_counters counters; /* before anything else was read */
};

/*
 * Fills `pool` and `slabs`, and adds the equations to `checks`. `size_bytes`: of the zone, as configured.
 * ERROR_NOT_UNDERSTOOD: this is no slab pool, it contradicts itself, or some of its books are not in memory. Free the
 * pool in any case.
 */
struct error *slab_pool_read(const struct shared_image *image, uint64_t size_bytes, struct slab_pool *pool,
    struct slab_account *slabs, struct checks *checks);

/*
 * How many slabs and pages were given out or taken back since the pool was read, as far as its counters tell: 0 when
 * nobody was at work.
 */
uint64_t slab_pool_changes(const struct shared_image *image, const struct slab_pool *pool);

/* The index of the page that `at` is on; pool->page_count when it is on none. */
static inline uint64_t slab_pool_page(const struct slab_pool *pool, address_t at)
{
    const uint64_t page = (at.value - pool->start.value) >> pool->page_shift;
    return at.value >= pool->start.value && page < pool->page_count ? page : pool->page_count;
}

void slab_pool_free(struct slab_pool *pool);

#endif
