/*
 * A heap as its allocator sees it: of one Lua state, or all of the C library's malloc.
 *
 * held = taken from the operating system; live = blocks in use; free = held, but holding nothing; meta = the
 * allocator's own records. live + free + meta = held, to the byte.
 */
#ifndef RESPIRE_MODEL_HEAP_H
#define RESPIRE_MODEL_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "model/histogram.h"
#include "target/presence.h"

enum heap_kind {
    HEAP_STOCK,   /* LuaJIT's own allocator */
    HEAP_RESPIRE, /* librespire.so */
    HEAP_OTHER,   /* the host's own: not walked */
    HEAP_GLIBC,   /* glibc's malloc, the whole of it */
};

/* What a page of a heap holds; a page can hold several. */
enum page_use {
    PAGE_USE_LIVE = 1,
    PAGE_USE_FREE = 2,
    PAGE_USE_META = 4,
    PAGE_USE_RECLAIMABLE = 8, /* wholly free, without even a free chunk's links: can go back as it is */
};

/* A segment, block or mapping of the heap. */
struct heap_region {
    struct address_range range; /* whole pages */
    uint8_t *page_use;          /* one set of page_use flags a page; owned */
    uint16_t *free_bytes;       /* free bytes on each page, UINT16_MAX at most; owned */
};

struct heap {
    enum heap_kind kind;
    address_t address; /* the allocator's state: lua_State's allocd */
    struct heap_region *regions;
    size_t region_count, region_capacity;
    uint64_t held_bytes, live_bytes, free_bytes, meta_bytes;
    uint64_t free_resident_bytes; /* free bytes on resident pages */
    uint64_t reclaimable_bytes;   /* whole resident pages of free */
    uint64_t segments, direct_maps;
    uint64_t used_blocks, free_blocks;
    struct histogram used, free, segment_sizes;
};

void heap_release(struct heap *heap);

/* Add a region, all pages unused. `page_bytes` is a power of two; the range is widened to whole pages. */
struct error *heap_add_region(struct heap *heap, struct address_range range, uint64_t page_bytes,
    struct heap_region **region);

/*
 * Mark every page of the region that [start, start + bytes) touches. Outside the region nothing is marked. What is
 * free is marked once: its bytes are counted.
 */
void heap_region_mark(struct heap_region *region, uint64_t page_bytes, address_t start, uint64_t bytes, uint8_t use);

/* Mark the pages that lie wholly inside [start, start + bytes) as reclaimable. */
void heap_region_mark_reclaimable(struct heap_region *region, uint64_t page_bytes, address_t start, uint64_t bytes);

/* Fill reclaimable_bytes from the marked pages that are resident. */
void heap_count_reclaimable(struct heap *heap, uint64_t page_bytes, const struct presence *presence);

const char *heap_kind_name(enum heap_kind kind);

#endif
