/* Ranges of addresses in the target: a growable array (base/array.h). */
#ifndef RESPIRE_BASE_ADDRESS_RANGES_H
#define RESPIRE_BASE_ADDRESS_RANGES_H

#include <stddef.h>

#include "base/address.h"
#include "base/array.h"
#include "base/error.h"

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

#endif
