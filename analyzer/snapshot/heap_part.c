/* A heap in the section of its state. */
#include "base/size.h"
#include "snapshot/format.h"
#include "snapshot/parts.h"

void histogram_visit(struct codec *codec, struct histogram *histogram)
{
    for (unsigned i = 0; i < HISTOGRAM_BINS; i++) {
        CODEC_NUMBER(codec, histogram->bins[i].count, UINT64_MAX);
        CODEC_NUMBER(codec, histogram->bins[i].bytes, UINT64_MAX);
    }
}

/* A region that was told as so many pages from `start` on; NULL when it fails. */
static struct heap_region *add_region(struct codec *codec, struct heap *heap, address_t start, uint64_t pages)
{
    struct heap_region *region;
    struct address_range range = {start, address(0)};
    if (start.value % SNAPSHOT_PAGE_BYTES
        || !size_of_records(pages, SNAPSHOT_PAGE_BYTES, start.value, &range.end.value))
        codec_fail(codec, "a heap has impossible pages");
    if (pages > codec->raw_bytes)
        codec_fail(codec, "it counts more pages than it can tell");
    if (!codec_charge(codec, pages * (sizeof(*region->page_use) + sizeof(*region->free_bytes))))
        return NULL;
    codec->error = heap_add_region(heap, range, SNAPSHOT_PAGE_BYTES, &region);
    return codec->error ? NULL : region;
}

static void region_visit(struct codec *codec, struct heap *heap, uint64_t number)
{
    struct heap_region *region = codec->writing ? &heap->regions[number] : NULL;
    address_t start = region ? region->range.start : address(0);
    uint64_t pages = region ? range_bytes(region->range) / SNAPSHOT_PAGE_BYTES : 0;
    codec_address(codec, &start);
    CODEC_NUMBER(codec, pages, UINT64_MAX);
    if (!region)
        region = add_region(codec, heap, start, pages);
    if (!region)
        return;
    codec_bytes(codec, region->page_use, pages);
    for (uint64_t i = 0; i < pages && !codec->error; i++)
        CODEC_NUMBER(codec, region->free_bytes[i], UINT16_MAX);
}

void heap_visit(struct codec *codec, struct heap *heap)
{
    CODEC_NUMBER(codec, heap->kind, HEAP_OTHER);
    codec_address(codec, &heap->address);
    uint64_t *const totals[] = {&heap->held_bytes, &heap->live_bytes, &heap->free_bytes, &heap->meta_bytes,
        &heap->free_resident_bytes, &heap->reclaimable_bytes, &heap->segments, &heap->direct_maps, &heap->used_blocks,
        &heap->free_blocks};
    for (size_t i = 0; i < sizeof(totals) / sizeof(totals[0]); i++)
        codec_number(codec, totals[i], UINT64_MAX);
    histogram_visit(codec, &heap->used);
    histogram_visit(codec, &heap->free);
    histogram_visit(codec, &heap->segment_sizes);
    uint64_t regions = heap->region_count;
    CODEC_NUMBER(codec, regions, UINT64_MAX);
    for (uint64_t i = 0; i < regions && !codec->error; i++)
        region_visit(codec, heap, i);
}
