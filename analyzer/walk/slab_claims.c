#include "walk/slab_claims.h"

#include <stdlib.h>

#include "base/size.h"

enum { GOES_SHIFT = 16, CLAIMED_MASK = 0xffff };

struct error *slab_claims_make(const struct slab_pool *pool, const struct slab_account *slabs,
    struct slab_claims *claims)
{
    *claims = (struct slab_claims){
        .pool = pool,
        .slabs = slabs,
        .pages = calloc(pool->page_count + 1, sizeof(*claims->pages)),
        .min_shift = pool->page_shift - pool->size_count,
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

static bool is_of_slabs(const struct page_claims *page)
{
    return page->kind == SLAB_PAGE_SMALL || page->kind == SLAB_PAGE_EXACT || page->kind == SLAB_PAGE_BIG;
}

/* Where the first slab is that can be given out. */
static uint64_t first_offset(const struct slab_claims *claims, const struct page_claims *page)
{
    if (page->kind != SLAB_PAGE_SMALL)
        return 0;
    uint64_t bitmap_bytes = ((uint64_t)1 << (claims->pool->page_shift - page->shift)) / 8;
    return round_up(bitmap_bytes, (uint64_t)1 << page->shift);
}

static bool is_slab(const struct slab_claims *claims, const struct page_claims *page, address_t at)
{
    const uint64_t offset = (at.value - claims->pool->start.value) & (((uint64_t)1 << claims->pool->page_shift) - 1);
    return offset % ((uint64_t)1 << page->shift) == 0 && offset >= first_offset(claims, page);
}

static void note(struct page_claims *page, bool goes)
{
    atomic_fetch_add_explicit(&page->counts, 1 + ((uint32_t)goes << GOES_SHIFT), memory_order_relaxed);
}

/* More than half a page is given whole pages. */
static bool is_whole(const struct slab_claims *claims, uint64_t number, address_t at, uint64_t bytes)
{
    const uint64_t page_bytes = (uint64_t)1 << claims->pool->page_shift;
    const struct slab_page *page = &claims->pool->pages[number];
    return page->kind == SLAB_PAGE_WHOLE && (at.value - claims->pool->start.value) % page_bytes == 0
        && page->run == round_up(bytes, page_bytes) >> claims->pool->page_shift;
}

static unsigned shift_of(const struct slab_claims *claims, uint64_t bytes)
{
    unsigned shift = bytes > 1 ? 64 - (unsigned)__builtin_clzll(bytes - 1) : 0;
    return shift > claims->min_shift ? shift : claims->min_shift;
}

bool slab_claims_take(struct slab_claims *claims, address_t at, uint64_t bytes, bool goes)
{
    const uint64_t number = slab_pool_page(claims->pool, at);
    if (number >= claims->pool->page_count)
        return false;
    struct page_claims *page = &claims->pages[number];
    bool fits = bytes > (uint64_t)1 << (claims->pool->page_shift - 1)
        ? is_whole(claims, number, at, bytes)
        : is_of_slabs(page) && page->shift == shift_of(claims, bytes) && is_slab(claims, page, at);
    if (fits)
        note(page, goes);
    return fits;
}

bool slab_claims_take_any(struct slab_claims *claims, address_t at)
{
    const uint64_t number = slab_pool_page(claims->pool, at);
    if (number >= claims->pool->page_count)
        return false;
    struct page_claims *page = &claims->pages[number];
    bool fits = is_of_slabs(page) && is_slab(claims, page, at);
    if (fits)
        note(page, false);
    return fits;
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
    checks_add(checks, "bytes of slabs that the contents take = bytes of slabs used", used_bytes, bytes);
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
