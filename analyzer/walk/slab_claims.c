#include "walk/slab_claims.h"

#include <stdlib.h>

#include "base/size.h"

enum { GOES_SHIFT = 16, CLAIMED_MASK = 0xffff };

static bool is_of_slabs(unsigned kind)
{
    return kind == SLAB_PAGE_SMALL || kind == SLAB_PAGE_EXACT || kind == SLAB_PAGE_BIG;
}

/* Is it where a slab of that size begins which can be given out? */
static bool is_slab(const struct slab_pool *pool, unsigned kind, unsigned shift, address_t at)
{
    const uint64_t page_bytes = (uint64_t)1 << pool->page_shift, slab_bytes = (uint64_t)1 << shift;
    const uint64_t offset = (at.value - pool->start.value) & (page_bytes - 1);
    const uint64_t bitmap_bytes = kind == SLAB_PAGE_SMALL ? (page_bytes >> shift) / 8 : 0;
    return (offset & (slab_bytes - 1)) == 0 && offset >= bitmap_bytes;
}

static unsigned shift_of(const struct slab_pool *pool, uint64_t bytes)
{
    const unsigned min_shift = pool->page_shift - pool->size_count;
    unsigned shift = bytes > 1 ? 64 - (unsigned)__builtin_clzll(bytes - 1) : 0;
    return shift > min_shift ? shift : min_shift;
}

/* What is larger than half a page is given whole pages. */
static bool is_whole(const struct slab_pool *pool, uint64_t number, address_t at, uint64_t bytes)
{
    const uint64_t page_bytes = (uint64_t)1 << pool->page_shift;
    const struct slab_page *page = &pool->pages[number];
    return page->kind == SLAB_PAGE_WHOLE && ((at.value - pool->start.value) & (page_bytes - 1)) == 0
        && page->run == round_up(bytes, page_bytes) >> pool->page_shift;
}

static bool fits(const struct slab_pool *pool, uint64_t number, unsigned kind, unsigned shift, address_t at,
    uint64_t bytes)
{
    if (bytes > (uint64_t)1 << (pool->page_shift - 1))
        return is_whole(pool, number, at, bytes);
    return is_of_slabs(kind) && shift == shift_of(pool, bytes) && is_slab(pool, kind, shift, at);
}

bool slab_pool_holds(const struct slab_pool *pool, address_t at, uint64_t bytes)
{
    const uint64_t number = slab_pool_page(pool, at);
    return number < pool->page_count
        && fits(pool, number, pool->pages[number].kind, pool->pages[number].shift, at, bytes);
}

struct error *slab_claims_make(const struct slab_pool *pool, const struct slab_account *slabs,
    struct slab_claims *claims)
{
    *claims = (struct slab_claims){
        .pool = pool,
        .slabs = slabs,
        .pages = calloc(pool->page_count + 1, sizeof(*claims->pages)),
    };
    if (!claims->pages)
        return error_no_memory();
    for (uint64_t i = 0; i < pool->page_count; i++) {
        const struct slab_page *page = &pool->pages[i];
        claims->pages[i].used = page->kind == SLAB_PAGE_WHOLE ? 1 : page->used;
        claims->pages[i].kind = page->kind;
        claims->pages[i].shift = page->shift;
    }
    return NULL;
}

static void note(struct page_claims *page, bool goes)
{
    atomic_fetch_add_explicit(&page->counts, 1 + ((uint32_t)goes << GOES_SHIFT), memory_order_relaxed);
}

bool slab_claims_take(struct slab_claims *claims, address_t at, uint64_t bytes, bool goes)
{
    const uint64_t number = slab_pool_page(claims->pool, at);
    if (number >= claims->pool->page_count)
        return false;
    struct page_claims *page = &claims->pages[number];
    bool taken = fits(claims->pool, number, page->kind, page->shift, at, bytes);
    if (taken)
        note(page, goes);
    return taken;
}

bool slab_claims_take_any(struct slab_claims *claims, address_t at)
{
    const uint64_t number = slab_pool_page(claims->pool, at);
    if (number >= claims->pool->page_count)
        return false;
    struct page_claims *page = &claims->pages[number];
    bool taken = is_of_slabs(page->kind) && is_slab(claims->pool, page->kind, page->shift, at);
    if (taken)
        note(page, false);
    return taken;
}

static uint64_t claimed(const struct page_claims *page)
{
    return atomic_load_explicit(&page->counts, memory_order_relaxed) & CLAIMED_MASK;
}

static uint64_t going(const struct page_claims *page)
{
    return atomic_load_explicit(&page->counts, memory_order_relaxed) >> GOES_SHIFT;
}

void slab_claims_check(const struct slab_claims *claims, struct checks *checks)
{
    uint64_t slabs = 0, bytes = 0, whole = 0, differing = 0, used = 0, used_bytes = 0;
    for (uint64_t i = 0; i < claims->pool->page_count; i++) {
        const struct page_claims *page = &claims->pages[i];
        const uint64_t count = claimed(page);
        differing += count != page->used;
        if (page->kind == SLAB_PAGE_WHOLE) {
            whole += count;
            continue;
        }
        slabs += count;
        bytes += count << page->shift;
    }
    for (size_t i = 0; i < claims->slabs->size_count; i++) {
        used += claims->slabs->sizes[i].used;
        used_bytes += claims->slabs->sizes[i].used * claims->slabs->sizes[i].slab_bytes;
    }
    checks_add(checks, "slabs that the contents take = slabs used", used, slabs);
    checks_add_in_units(checks, "bytes of slabs that the contents take = bytes of slabs used", used_bytes, bytes,
        (uint64_t)1 << (claims->pool->page_shift - 1));
    checks_add(checks, "whole pages that the contents take = given out", claims->slabs->pages.whole_allocations, whole);
    checks_add(checks, "pages on which the contents do not take what is used", 0, differing);
}

uint64_t slab_claims_freed_pages(const struct slab_claims *claims)
{
    uint64_t freed = 0;
    for (uint64_t i = 0; i < claims->pool->page_count; i++) {
        const struct page_claims *page = &claims->pages[i];
        if (page->used && going(page) == page->used)
            freed += page->kind == SLAB_PAGE_WHOLE ? claims->pool->pages[i].run : 1;
    }
    return freed;
}

void slab_claims_free(struct slab_claims *claims)
{
    free(claims->pages);
    claims->pages = NULL;
}
