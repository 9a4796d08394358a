#include "walk/glibc_trim.h"

#include "base/size.h"

enum {
    FREE_CHUNK_BYTES = 48, /* sizeof(struct malloc_chunk): links that stay in place */
    TOP_KEPT_BYTES = 33,   /* MINSIZE + 1: what is left of a top at least */
};

static uint64_t inside_bytes(struct address_range chunk, const struct trim_facts *facts)
{
    address_t first = address(round_up(chunk.start.value + FREE_CHUNK_BYTES, facts->page_bytes));
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
