/*
 * Owns what is said of chunks once all of them are known, used and free: sizes, histograms, pages and sums. Goes
 * through the chunk map alone; the target's bytes are not read again.
 */
#include <stdlib.h>

#include "base/array.h"
#include "base/size.h"
#include "walk/glibc_walk.h"

enum {
    WORD_BITS = 64,
    SMALL_SIZES = 4096, /* chunks below 64 KiB are counted by size in a table; larger ones are few */
    SMALL_BYTES = SMALL_SIZES * CHUNK_ALIGNMENT,
};

/* How many chunks there are of each size. */
struct size_count {
    uint64_t small[SMALL_SIZES];
    struct {
        uint64_t *items;
        size_t count, capacity;
    } large;
};

struct account {
    struct glibc_walk *walk;
    struct size_count *used, *free;
    struct heap_region *pages; /* of the stretch */
    uint64_t used_chunks, used_bytes, all_bytes; /* of the stretch */
};

static bool count_size(struct size_count *sizes, uint64_t bytes)
{
    if (bytes < SMALL_BYTES) {
        sizes->small[bytes / CHUNK_ALIGNMENT]++;
        return true;
    }
    uint64_t *added = ARRAY_ADD(&sizes->large);
    if (added)
        *added = bytes;
    return added != NULL;
}

static void note_largest(struct glibc_heap *heap, uint64_t start, uint64_t bytes)
{
    size_t place = heap->largest_free_count;
    if (place == LARGEST_FREE_MAX && heap->largest_free[place - 1].bytes >= bytes)
        return;
    place = place == LARGEST_FREE_MAX ? place - 1 : heap->largest_free_count++;
    for (; place > 0 && heap->largest_free[place - 1].bytes < bytes; place--)
        heap->largest_free[place] = heap->largest_free[place - 1];
    heap->largest_free[place] = (struct free_chunk){.address = address(start), .bytes = bytes};
}

static bool account_chunk(struct account *a, uint64_t start, uint64_t end, bool used)
{
    uint64_t bytes = end - start, page_bytes = a->walk->page_bytes;
    a->all_bytes += bytes;
    heap_region_mark(a->pages, page_bytes, address(start), bytes, used ? PAGE_USE_LIVE : PAGE_USE_FREE);
    if (used) {
        a->used_chunks++;
        a->used_bytes += bytes;
        return count_size(a->used, bytes);
    }
    if (bytes > GLIBC_CHUNK_LINKS) {
        heap_region_mark_reclaimable(a->pages, page_bytes, address(start + GLIBC_CHUNK_LINKS),
            bytes - GLIBC_CHUNK_LINKS);
        note_largest(a->walk->heap, start, bytes);
    }
    return count_size(a->free, bytes);
}

/* All chunks of a region, by address. */
static bool account_region(struct account *a, const struct chunk_region *region)
{
    uint64_t words = range_bytes(region->range) / CHUNK_ALIGNMENT / WORD_BITS + 1;
    uint64_t base = region->range.start.value, start = base;
    bool started = false, used = false;
    for (uint64_t word = 0; word < words; word++) {
        if (!region->occupied[word / WORD_BITS]) {
            word = round_down(word, WORD_BITS) + WORD_BITS - 1;
            continue;
        }
        for (uint64_t left = region->starts[word]; left; left &= left - 1) {
            unsigned bit = (unsigned)__builtin_ctzll(left);
            uint64_t next = base + (word * WORD_BITS + bit) * CHUNK_ALIGNMENT;
            if (started && !account_chunk(a, start, next, used))
                return false;
            started = true;
            start = next;
            used = region->used[word] >> bit & 1;
        }
    }
    return !started || account_chunk(a, start, region->range.end.value, used);
}

static struct error *account_stretch(struct account *a, const struct glibc_stretch *stretch,
    const struct chunk_region *region)
{
    struct glibc_arena *arena = &a->walk->heap->arenas[stretch->arena];
    a->used_chunks = a->used_bytes = a->all_bytes = 0;
    if (!account_region(a, region))
        return error_no_memory();
    arena->used.count += a->used_chunks;
    arena->used.bytes += a->used_bytes;
    uint64_t page_bytes = a->walk->page_bytes;
    heap_region_mark(a->pages, page_bytes, stretch->range.start,
        stretch->chunks.start.value - stretch->range.start.value, PAGE_USE_META);
    heap_region_mark(a->pages, page_bytes, stretch->chunks.end,
        stretch->range.end.value - stretch->chunks.end.value, PAGE_USE_META);
    return NULL;
}

/* The map's regions that are stretches stand beside them, in the same order; the others are single mapped blocks. */
static struct error *account_stretches(struct account *a)
{
    struct glibc_walk *walk = a->walk;
    struct heap *pages = &walk->heap->pages;
    size_t region = 0;
    uint64_t end = 0;
    for (size_t i = 0; i < walk->stretches.count; i++) {
        const struct glibc_stretch *stretch = &walk->stretches.items[i];
        if (!a->pages || stretch->range.start.value != end) {
            struct address_range whole = stretch->range;
            for (size_t j = i + 1; j < walk->stretches.count; j++)
                if (address_equal(walk->stretches.items[j].range.start, whole.end))
                    whole.end = walk->stretches.items[j].range.end;
            struct error *error = heap_add_region(pages, whole, walk->page_bytes, &a->pages);
            if (error)
                return error;
            pages->segments++;
        }
        end = stretch->range.end.value;
        while (!address_equal(walk->heap->chunks.items[region].range.start, stretch->chunks.start))
            region++;
        struct error *error = account_stretch(a, stretch, &walk->heap->chunks.items[region]);
        if (error)
            return error;
    }
    return NULL;
}

static struct error *account_mapped(struct account *a)
{
    struct heap *pages = &a->walk->heap->pages;
    const struct chunk_map *chunks = &a->walk->heap->chunks;
    for (size_t i = 0; i < chunks->count; i++) {
        struct address_range range = chunks->items[i].range;
        if (glibc_stretch_at(a->walk, range.start))
            continue;
        struct heap_region *region;
        struct error *error = heap_add_region(pages, range, a->walk->page_bytes, &region);
        if (error)
            return error;
        heap_region_mark(region, a->walk->page_bytes, range.start, range_bytes(range), PAGE_USE_LIVE);
        pages->direct_maps++;
        if (!count_size(a->used, range_bytes(range)))
            return error_no_memory();
    }
    return NULL;
}

static int compare_sizes(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

static void add_to_histogram(struct histogram *histogram, uint64_t bytes, uint64_t count)
{
    struct histogram_bin *bin = &histogram->bins[histogram_bin(bytes)];
    bin->count += count;
    bin->bytes += bytes * count;
}

static struct error *keep_sizes(struct size_count *counted, struct chunk_sizes *sizes, struct histogram *histogram)
{
    if (counted->large.count)
        qsort(counted->large.items, counted->large.count, sizeof(*counted->large.items), compare_sizes);
    struct error *error = NULL;
    for (uint64_t i = 0; i < SMALL_SIZES && !error; i++) {
        if (!counted->small[i])
            continue;
        add_to_histogram(histogram, i * CHUNK_ALIGNMENT, counted->small[i]);
        error = chunk_sizes_add(sizes, i * CHUNK_ALIGNMENT, counted->small[i]);
    }
    for (size_t i = 0; i < counted->large.count && !error; i++) {
        add_to_histogram(histogram, counted->large.items[i], 1);
        error = chunk_sizes_add(sizes, counted->large.items[i], 1);
    }
    return error;
}

/* Free bytes on resident pages, page by page. */
static uint64_t count_free_resident(const struct glibc_walk *walk)
{
    const struct presence *presence = &walk->capture->presence;
    uint64_t bytes = 0;
    for (size_t i = 0; i < walk->heap->pages.region_count; i++) {
        const struct heap_region *region = &walk->heap->pages.regions[i];
        for (size_t j = presence_first(presence, region->range.start); j < presence->count; j++) {
            const struct page_run *run = &presence->items[j];
            if (run->range.start.value >= region->range.end.value)
                break;
            if (run->state == PAGE_SWAPPED)
                continue;
            uint64_t at = size_max(run->range.start.value, region->range.start.value);
            for (; at < size_min(run->range.end.value, region->range.end.value); at += walk->page_bytes)
                bytes += region->free_bytes[(at - region->range.start.value) / walk->page_bytes];
        }
    }
    return bytes;
}

static void sum_up(struct glibc_walk *walk)
{
    struct glibc_heap *heap = walk->heap;
    struct heap *pages = &heap->pages;
    heap->used_bytes = heap->mapped.bytes;
    for (size_t i = 0; i < heap->arena_count; i++) {
        struct glibc_arena *arena = &heap->arenas[i];
        uint64_t free_bytes = arena->binned.bytes + arena->fast.bytes + arena->cached.bytes + arena->top_bytes;
        arena->meta_bytes = arena->system_bytes - arena->used.bytes - free_bytes;
        heap->used_bytes += arena->used.bytes;
        heap->free_bytes += free_bytes;
        heap->meta_bytes += arena->meta_bytes;
        pages->used_blocks += arena->used.count;
        pages->free_blocks += arena->binned.count + arena->fast.count + arena->cached.count + (arena->top_bytes != 0);
    }
    pages->kind = HEAP_GLIBC;
    pages->address = walk->books->items[0];
    pages->used_blocks += heap->mapped.count;
    pages->live_bytes = heap->used_bytes;
    pages->free_bytes = heap->free_bytes;
    pages->meta_bytes = heap->meta_bytes;
    pages->held_bytes = heap->used_bytes + heap->free_bytes + heap->meta_bytes;
    pages->used = heap->used;
    pages->free = heap->free;
    heap->free_resident_bytes = pages->free_resident_bytes = count_free_resident(walk);
    heap_count_reclaimable(pages, walk->page_bytes, &walk->capture->presence);
    for (size_t i = 0; i < heap->largest_free_count; i++) {
        struct free_chunk *chunk = &heap->largest_free[i];
        chunk->resident_bytes = presence_resident_bytes(&walk->capture->presence,
            (struct address_range){chunk->address, address_add(chunk->address, chunk->bytes)});
    }
}

struct error *glibc_walk_account(struct glibc_walk *walk)
{
    struct account a = {.walk = walk, .used = calloc(1, sizeof(*a.used)), .free = calloc(1, sizeof(*a.free))};
    struct error *error = a.used && a.free ? account_stretches(&a) : error_no_memory();
    if (!error)
        error = account_mapped(&a);
    if (!error)
        error = keep_sizes(a.used, &walk->heap->used_sizes, &walk->heap->used);
    if (!error)
        error = keep_sizes(a.free, &walk->heap->free_sizes, &walk->heap->free);
    if (!error)
        sum_up(walk);
    if (a.used)
        ARRAY_FREE(&a.used->large);
    if (a.free)
        ARRAY_FREE(&a.free->large);
    free(a.used);
    free(a.free);
    return error;
}
