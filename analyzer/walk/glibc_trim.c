#include "walk/glibc_trim.h"

#include "base/size.h"
#include "walk/glibc_walk.h"

enum { TOP_KEPT_BYTES = GLIBC_CHUNK_MINIMUM + 1 }; /* what is left of a top at least */

static uint64_t inside_bytes(struct address_range chunk, const struct trim_facts *facts)
{
    address_t first = address(round_up(chunk.start.value + GLIBC_CHUNK_LINKS, facts->page_bytes));
    address_t end = address(round_down(chunk.end.value, facts->page_bytes));
    if (end.value <= first.value)
        return 0;
    return presence_resident_bytes(facts->presence, (struct address_range){first, end});
}

static uint64_t end_bytes(struct address_range top, const struct trim_facts *facts)
{
    uint64_t bytes = range_bytes(top);
    if (!facts->can_shorten || bytes <= TOP_KEPT_BYTES)
        return 0;
    uint64_t given = round_down(bytes - TOP_KEPT_BYTES, facts->top_unit_bytes);
    return presence_resident_bytes(facts->presence, (struct address_range){address_subtract(top.end, given), top.end});
}

uint64_t glibc_trim_bytes(const struct chunk_region *region, const struct trim_facts *facts)
{
    uint64_t bytes = 0, granule = 0;
    struct address_range unused;
    while (chunk_region_next_unused(region, &granule, &unused))
        bytes += range_holds(unused, facts->top, 1) ? end_bytes(unused, facts) : inside_bytes(unused, facts);
    return bytes;
}

/* Only the heap that brk makes can be shortened, and only where nobody else has moved brk since. */
static bool ends_with_brk(const struct glibc_walk *walk, address_t end)
{
    const struct mapping *mapping = mappings_find(&walk->capture->mappings, address_subtract(end, 1));
    return mapping && mapping->path && strcmp(mapping->path, "[heap]") == 0
        && address_equal(mapping->range.end, end);
}

static uint64_t top_unit_bytes(struct glibc_walk *walk)
{
    uint64_t huge_page_bytes = 0;
    int16_t offset = walk->layout->parameters.thp_page_bytes;
    if (offset)
        view_u64(&walk->view, address(walk->books->parameters.value + (uint64_t)(int64_t)offset), &huge_page_bytes);
    return is_power_of_two(huge_page_bytes) ? huge_page_bytes : walk->page_bytes;
}

void glibc_walk_trim(struct glibc_walk *walk)
{
    struct glibc_heap *heap = walk->heap;
    struct trim_facts facts = {
        .presence = &walk->capture->presence,
        .page_bytes = walk->page_bytes,
        .top_unit_bytes = top_unit_bytes(walk),
    };
    for (size_t i = 0; i < walk->stretches.count; i++) {
        size_t arena = walk->stretches.items[i].arena;
        facts.top = glibc_top(walk, arena);
        facts.can_shorten = heap->arenas[arena].is_main && ends_with_brk(walk, walk->stretches.items[i].chunks.end);
        uint64_t bytes = glibc_trim_bytes(&heap->chunks.items[i], &facts);
        heap->arenas[arena].trim_bytes += bytes;
        heap->trim_bytes += bytes;
    }
}
