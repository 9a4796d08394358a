/*
 * Pages of a heap that hold something live, but less than half a page of it: they cannot go back while it stays.
 * Pages that the allocator needs for itself are not among them.
 */
#ifndef RESPIRE_MODEL_SPARSE_PAGES_H
#define RESPIRE_MODEL_SPARSE_PAGES_H

#include <stddef.h>
#include <stdint.h>

#include "model/object_index.h"

/* Which objects lie on which page. All arrays are owned. */
struct sparse_pages {
    uint64_t page_bytes;
    size_t count;
    address_t *addresses;    /* of each page, ascending */
    uint16_t *free_bytes;    /* of each page */
    uint32_t *first_entries; /* count + 1 of them: of each page, and the end */
    /* Of each entry: an object, and how many bytes of all that it owns lie on the page. An object once a page. */
    object_id *objects;
    uint16_t *object_bytes;
    uint32_t entry_count;
};

void sparse_pages_free(struct sparse_pages *pages);

#endif
