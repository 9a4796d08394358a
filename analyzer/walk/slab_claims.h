/*
 * Which slabs of a pool somebody has said to use, page by page: what an entry is must be a slab of the size that nginx
 * would have given out for it, or pages of its own. When all is claimed, each page must have as many slabs claimed as
 * its bitmap says are used.
 *
 * 8 bytes a page. Several threads may claim at once; whoever claims must not claim the same slab twice.
 */
#ifndef RESPIRE_WALK_SLAB_CLAIMS_H
#define RESPIRE_WALK_SLAB_CLAIMS_H

#include <stdatomic.h>

#include "walk/slab_pool.h"

struct page_claims {
    _Atomic uint32_t counts; /* slabs: claimed, and in the upper half those of them that would go */
    uint16_t used;           /* as the bitmap has it; 1 on the first of whole pages */
    uint8_t kind, shift;     /* as in struct slab_page */
};

struct slab_claims {
    const struct slab_pool *pool;
    const struct slab_account *slabs;
    struct page_claims *pages; /* owned */
};

/* Could something of `bytes` bytes have been given out at `at`, by the size of the slabs there? */
bool slab_pool_holds(const struct slab_pool *pool, address_t at, uint64_t bytes);

struct error *slab_claims_make(const struct slab_pool *pool, const struct slab_account *slabs,
    struct slab_claims *claims);

/* False, and nothing is claimed, when nothing of `bytes` bytes can have been given out at `at`. */
bool slab_claims_take(struct slab_claims *claims, address_t at, uint64_t bytes, bool goes);

/* The slab at `at`, whatever its size is; false when there is none. */
bool slab_claims_take_any(struct slab_claims *claims, address_t at);

/* The equations, when all has been claimed. */
void slab_claims_check(const struct slab_claims *claims, struct checks *checks);

/* Pages that nothing would be left on if what goes went. */
uint64_t slab_claims_freed_pages(const struct slab_claims *claims);

void slab_claims_free(struct slab_claims *claims);

#endif
