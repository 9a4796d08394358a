/* Ranges of addresses in the target: a growable array (base/array.h). */
#ifndef RESPIRE_BASE_ADDRESS_RANGES_H
#define RESPIRE_BASE_ADDRESS_RANGES_H

#include <stddef.h>

#include "base/address.h"
#include "base/array.h"
#include "base/error.h"
#include "base/range_search.h"

struct address_ranges {
    struct address_range *items; /* address order, no overlap */
    size_t count, capacity;
};

static inline struct error *address_ranges_add(struct address_ranges *ranges, struct address_range range)
{
    struct address_range *added = ARRAY_ADD(ranges);
    if (!added)
        return error_no_memory();
    *added = range;
    return NULL;
}

static inline size_t address_ranges_first(const struct address_ranges *ranges, address_t at)
{
    return first_ending_behind(ranges->items, ranges->count, sizeof(*ranges->items), 0, at);
}

/* The first part of `range` that lies in none of `ranges`; empty when there is none left. */
static inline struct address_range address_ranges_gap(const struct address_ranges *ranges, struct address_range range)
{
    size_t i = address_ranges_first(ranges, range.start);
    while (i < ranges->count && ranges->items[i].start.value <= range.start.value) {
        range.start = ranges->items[i].end;
        i++;
    }
    if (i < ranges->count && ranges->items[i].start.value < range.end.value)
        range.end = ranges->items[i].start;
    return range_bytes(range) ? range : (struct address_range){range.start, range.start};
}

#endif
