#include "model/heap.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/size.h"

void heap_release(struct heap *heap)
{
    for (size_t i = 0; i < heap->region_count; i++) {
        free(heap->regions[i].page_use);
        free(heap->regions[i].free_bytes);
    }
    free(heap->regions);
    *heap = (struct heap){.kind = heap->kind, .address = heap->address};
}

struct error *heap_add_region(struct heap *heap, struct address_range range, uint64_t page_bytes,
    struct heap_region **region)
{
    if (!array_reserve_one((void **)&heap->regions, &heap->region_capacity, heap->region_count, sizeof(*heap->regions)))
        return error_no_memory();
    struct heap_region added = {
        .range = {address(round_down(range.start.value, page_bytes)), address(round_up(range.end.value, page_bytes))},
    };
    uint64_t pages = range_bytes(added.range) / page_bytes;
    added.page_use = calloc(pages + 1, sizeof(*added.page_use));
    added.free_bytes = calloc(pages + 1, sizeof(*added.free_bytes));
    if (!added.page_use || !added.free_bytes) {
        free(added.page_use);
        free(added.free_bytes);
        return error_no_memory();
    }
    heap->regions[heap->region_count] = added;
    *region = &heap->regions[heap->region_count++];
    return NULL;
}

static void count_free(struct heap_region *region, uint64_t page_bytes, uint64_t start, uint64_t end)
{
    uint64_t page = (start - region->range.start.value) / page_bytes;
    while (start < end) {
        uint64_t next = size_min(round_down(start, page_bytes) + page_bytes, end);
        region->free_bytes[page] = (uint16_t)size_min(region->free_bytes[page] + (next - start), UINT16_MAX);
        start = next;
        page++;
    }
}

/* The pages [first, end) of the region that lie between the two addresses. */
static void mark_pages(struct heap_region *region, uint64_t page_bytes, uint64_t start, uint64_t end, uint8_t use)
{
    start = size_max(start, region->range.start.value);
    end = size_min(end, region->range.end.value);
    if (start >= end)
        return;
    if (use & PAGE_USE_FREE)
        count_free(region, page_bytes, start, end);
    uint64_t first = (start - region->range.start.value) / page_bytes;
    uint64_t last = (end - 1 - region->range.start.value) / page_bytes;
    for (uint64_t page = first; page <= last; page++)
        region->page_use[page] |= use;
}

void heap_region_mark(struct heap_region *region, uint64_t page_bytes, address_t start, uint64_t bytes, uint8_t use)
{
    mark_pages(region, page_bytes, start.value, start.value + bytes, use);
}

void heap_region_mark_reclaimable(struct heap_region *region, uint64_t page_bytes, address_t start, uint64_t bytes)
{
    mark_pages(region, page_bytes, round_up(start.value, page_bytes), round_down(start.value + bytes, page_bytes),
        PAGE_USE_RECLAIMABLE);
}

void heap_count_reclaimable(struct heap *heap, uint64_t page_bytes, const struct presence *presence)
{
    heap->reclaimable_bytes = 0;
    for (size_t i = 0; i < heap->region_count; i++) {
        const struct heap_region *region = &heap->regions[i];
        uint64_t pages = range_bytes(region->range) / page_bytes;
        for (uint64_t page = 0; page < pages;) {
            uint64_t first = page;
            while (page < pages && region->page_use[page] & PAGE_USE_RECLAIMABLE)
                page++;
            struct address_range run = {address_add(region->range.start, first * page_bytes),
                address_add(region->range.start, page * page_bytes)};
            heap->reclaimable_bytes += presence_resident_bytes(presence, run);
            page += page == first;
        }
    }
}

const char *heap_kind_name(enum heap_kind kind)
{
    switch (kind) {
    case HEAP_STOCK:
        return "stock";
    case HEAP_RESPIRE:
        return "respire";
    case HEAP_OTHER:
        return "other";
    case HEAP_GLIBC:
        return "glibc";
    }
    return "other";
}
