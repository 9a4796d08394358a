#include "analyze/ledger_malloc.h"

#include <stdlib.h>
#include <string.h>

#include "base/range_search.h"
#include "base/size.h"

/* In the order in which they win a page that they share in equal parts. */
enum page_owner {
    OWNER_UNOWNED_POOLS,
    OWNER_REQUEST_POOLS,
    OWNER_CONNECTION_POOLS,
    OWNER_MODULE_POOLS,
    OWNER_CYCLE_POOLS,
    OWNER_NGINX_DATA,
    OWNER_OTHER_USED,
    USED_OWNERS,
    OWNER_META = USED_OWNERS,
    OWNER_FREE,
    PAGE_OWNERS,
};

static const char *const owner_names[PAGE_OWNERS] = {
    [OWNER_UNOWNED_POOLS] = "nginx.pools.unowned",
    [OWNER_REQUEST_POOLS] = "nginx.pools.request",
    [OWNER_CONNECTION_POOLS] = "nginx.pools.connection",
    [OWNER_MODULE_POOLS] = "nginx.pools.module",
    [OWNER_CYCLE_POOLS] = "nginx.pools.cycle",
    [OWNER_NGINX_DATA] = "nginx.data",
    [OWNER_OTHER_USED] = "glibc.used",
    [OWNER_META] = "glibc.meta",
    [OWNER_FREE] = "glibc.free",
};

static const enum page_owner owners_of_pools[POOL_KINDS] = {
    [POOL_UNOWNED] = OWNER_UNOWNED_POOLS,
    [POOL_REQUEST] = OWNER_REQUEST_POOLS,
    [POOL_CONNECTION] = OWNER_CONNECTION_POOLS,
    [POOL_MODULE] = OWNER_MODULE_POOLS,
    [POOL_CYCLE] = OWNER_CYCLE_POOLS,
    [POOL_OLD_CYCLE] = OWNER_CYCLE_POOLS,
};

/* On the way through all chunks by address, and through what is known of them. */
struct malloc_pages {
    const struct ledger_input *input;
    struct claims *claims;
    uint64_t page_bytes;
    size_t pool_chunk, data_chunk; /* the next ones of input->pools */
    struct heap_region *regions;   /* by address, each page in the first that has it */
    size_t region_count, region;   /* the current one */
    uint8_t *owners;               /* of its pages; NULL before the first chunk of it */
    uint64_t page;                 /* of it: the one that is being weighed */
    uint64_t weights[USED_OWNERS]; /* bytes in use on that page */
};

static enum page_owner owner_of_chunk(struct malloc_pages *pages, address_t start)
{
    const struct nginx_pools *pools = pages->input->pools;
    if (!pools)
        return OWNER_OTHER_USED;
    while (pages->pool_chunk < pools->chunk_count && pools->chunks[pages->pool_chunk].range.end.value <= start.value)
        pages->pool_chunk++;
    while (pages->data_chunk < pools->data_count && pools->data[pages->data_chunk].end.value <= start.value)
        pages->data_chunk++;
    if (pages->pool_chunk < pools->chunk_count && range_holds(pools->chunks[pages->pool_chunk].range, start, 1))
        return owners_of_pools[pools->pools[pools->chunks[pages->pool_chunk].pool].kind];
    if (pages->data_chunk < pools->data_count && range_holds(pools->data[pages->data_chunk], start, 1))
        return OWNER_NGINX_DATA;
    return OWNER_OTHER_USED;
}

/* The page has been weighed; with nothing in use it stays what it was. */
static void settle_page(struct malloc_pages *pages)
{
    uint64_t most = 0;
    for (unsigned i = 0; i < USED_OWNERS; i++) {
        if (pages->weights[i] > most) {
            most = pages->weights[i];
            pages->owners[pages->page] = (uint8_t)i;
        }
        pages->weights[i] = 0;
    }
}

/* A part of a chunk that lies within the region. */
static void weigh(struct malloc_pages *pages, struct address_range part, enum page_owner owner)
{
    uint64_t base = pages->regions[pages->region].range.start.value;
    for (uint64_t at = part.start.value; at < part.end.value;) {
        uint64_t page = (at - base) / pages->page_bytes;
        uint64_t end = size_min(base + (page + 1) * pages->page_bytes, part.end.value);
        if (page != pages->page) {
            settle_page(pages);
            pages->page = page;
        }
        pages->weights[owner] += end - at;
        at = end;
    }
}

static struct error *claim_for(struct malloc_pages *pages, struct address_range range, enum page_owner owner)
{
    struct claim claim = {.range = range, .owner = owner_names[owner], .is_private = true};
    return claims_add(pages->claims, claim);
}

/* An arena of a thread reserves more addresses than it has made accessible. */
static struct error *claim_reserve(struct malloc_pages *pages, address_t end)
{
    const struct mapping *mapping = mappings_find(&pages->input->capture->mappings, end);
    if (!mapping || mapping->path || mapping->readable || mapping->writable || mapping->executable
        || !address_equal(mapping->range.start, end))
        return NULL;
    return claim_for(pages, mapping->range, OWNER_FREE);
}

static struct error *start_region(struct malloc_pages *pages)
{
    const struct heap_region *region = &pages->regions[pages->region];
    uint64_t count = range_bytes(region->range) / pages->page_bytes;
    pages->page = 0;
    pages->owners = malloc(count + 1);
    for (uint64_t i = 0; i < count && pages->owners; i++)
        pages->owners[i] = region->page_use[i] & PAGE_USE_META ? OWNER_META : OWNER_FREE;
    return pages->owners ? NULL : error_no_memory();
}

/* All of its chunks have been weighed: its pages are claimed, run by run. */
static struct error *end_region(struct malloc_pages *pages)
{
    struct address_range region = pages->regions[pages->region++].range;
    uint64_t count = range_bytes(region) / pages->page_bytes;
    struct error *error = NULL;
    settle_page(pages);
    for (uint64_t first = 0, next; first < count && !error; first = next) {
        for (next = first + 1; next < count && pages->owners[next] == pages->owners[first];)
            next++;
        struct address_range run = {
            address_add(region.start, first * pages->page_bytes),
            address_add(region.start, next * pages->page_bytes),
        };
        error = claim_for(pages, run, pages->owners[first]);
    }
    free(pages->owners);
    pages->owners = NULL;
    return error ? error : claim_reserve(pages, region.end);
}

/* End the regions before `at`; the one that it lies in, if any, is the current one then. */
static struct error *move_to(struct malloc_pages *pages, uint64_t at)
{
    struct error *error = NULL;
    while (pages->region < pages->region_count && !error) {
        struct address_range region = pages->regions[pages->region].range;
        if (region.start.value > at)
            break;
        if (!pages->owners)
            error = start_region(pages);
        if (region.end.value > at)
            break;
        if (!error)
            error = end_region(pages);
    }
    return error;
}

static struct error *weigh_chunk(struct malloc_pages *pages, struct address_range chunk, enum page_owner owner)
{
    while (range_bytes(chunk)) {
        struct error *error = move_to(pages, chunk.start.value);
        if (error || !pages->owners)
            return error;
        address_t end = address(size_min(chunk.end.value, pages->regions[pages->region].range.end.value));
        weigh(pages, (struct address_range){chunk.start, end}, owner);
        chunk.start = end;
    }
    return NULL;
}

static struct error *claim_pages(struct malloc_pages *pages)
{
    struct chunk_cursor cursor = {.map = &pages->input->malloc->chunks};
    struct error *error = NULL;
    struct chunk chunk;
    while (!error && chunk_cursor_next(&cursor, &chunk))
        if (chunk.used)
            error = weigh_chunk(pages, chunk.range, owner_of_chunk(pages, chunk.range.start));
    return error ? error : move_to(pages, UINT64_MAX);
}

/* A page between two stretches of the main arena can be in both. */
static void order_regions(struct malloc_pages *pages)
{
    SORT_BY_START(pages->regions, pages->region_count);
    for (size_t i = 1; i < pages->region_count; i++) {
        struct heap_region *region = &pages->regions[i];
        uint64_t taken_end = pages->regions[i - 1].range.end.value;
        if (taken_end <= region->range.start.value)
            continue;
        region->page_use += (taken_end - region->range.start.value) / pages->page_bytes;
        region->range.start.value = taken_end;
    }
}

struct error *malloc_claim(const struct ledger_input *input, struct claims *claims)
{
    if (!input->malloc || input->malloc->pages.region_count == 0)
        return NULL;
    const struct heap *heap = &input->malloc->pages;
    struct malloc_pages pages = {
        .input = input,
        .claims = claims,
        .page_bytes = input->capture->page_bytes,
        .regions = calloc(heap->region_count, sizeof(*pages.regions)),
        .region_count = heap->region_count,
    };
    if (!pages.regions)
        return error_no_memory();
    memcpy(pages.regions, heap->regions, heap->region_count * sizeof(*heap->regions));
    order_regions(&pages);
    struct error *error = claim_pages(&pages);
    free(pages.owners);
    free(pages.regions);
    return error;
}
