/*
 * Records with a field `range`, in address order and without overlap: how they get there, and binary search among them,
 * O(log count).
 */
#ifndef RESPIRE_BASE_RANGE_SEARCH_H
#define RESPIRE_BASE_RANGE_SEARCH_H

#include <stddef.h>
#include <stdlib.h>

#include "base/address.h"

/* Put records that start with their range, or ranges themselves, in address order. */
#define SORT_BY_START(items, count) sort_by_start((items), (count), sizeof(*(items)))

/* The index of the first of `count` records that ends behind `at`; `count` when there is none. */
#define FIRST_ENDING_BEHIND(items, count, at) \
    first_ending_behind((items), (count), sizeof(*(items)), offsetof(__typeof__(*(items)), range), (at))

/* The record whose range holds `at`, or NULL. */
#define RANGE_HOLDING(items, count, at) \
    range_holding((items), (count), sizeof(*(items)), offsetof(__typeof__(*(items)), range), (at))

static inline int compare_starts(const void *a, const void *b)
{
    const struct address_range *left = a, *right = b;
    return (left->start.value > right->start.value) - (left->start.value < right->start.value);
}

static inline void sort_by_start(void *items, size_t count, size_t record_bytes)
{
    if (count)
        qsort(items, count, record_bytes, compare_starts);
}

static inline const struct address_range *range_of_record(const void *items, size_t index, size_t record_bytes,
    size_t range_offset)
{
    return (const struct address_range *)(const void *)((const char *)items + index * record_bytes + range_offset);
}

static inline size_t first_ending_behind(const void *items, size_t count, size_t record_bytes, size_t range_offset,
    address_t at)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (range_of_record(items, middle, record_bytes, range_offset)->end.value <= at.value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static inline const void *range_holding(const void *items, size_t count, size_t record_bytes, size_t range_offset,
    address_t at)
{
    size_t i = first_ending_behind(items, count, record_bytes, range_offset, at);
    if (i == count || range_of_record(items, i, record_bytes, range_offset)->start.value > at.value)
        return NULL;
    return (const char *)items + i * record_bytes;
}

#endif
