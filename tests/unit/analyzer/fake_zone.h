/*
 * A shared memory zone made by hand, as one process would find it: its slab pool is laid out as nginx lays it out, and
 * gives out and takes back as nginx does. A page is loaded from the moment on that something is written into it.
 */
#ifndef RESPIRE_TESTS_FAKE_ZONE_H
#define RESPIRE_TESTS_FAKE_ZONE_H

#include "target/shared_image.h"

#define FAKE_ZONE UINT64_C(0x7f1234560000) /* where the target has it */

enum {
    FAKE_PAGE_BYTES = 4096,
    FAKE_SHIFT_MIN = 3,
    FAKE_SIZES = 9, /* of slabs: 8 bytes to 2048 */
};

struct fake_zone {
    struct shared_image image;
    unsigned char *memory; /* owned; what image.data is */
    uint64_t size_bytes;
    uint64_t entries;      /* address of the first page's entry */
};

/* With an empty pool. `size_bytes` as configured, 8192 at least; what is mapped is rounded up to whole pages. */
void fake_zone_start(struct fake_zone *zone, uint64_t size_bytes);
void fake_zone_end(struct fake_zone *zone);

/* What is at `at`, whose page is loaded from now on. */
unsigned char *fake_zone_at(struct fake_zone *zone, uint64_t at);

/* The word there: write it, read it. */
void fake_zone_put(struct fake_zone *zone, uint64_t at, uint64_t value);
uint64_t fake_zone_get(const struct fake_zone *zone, uint64_t at);

/* Take the page that `at` is on out of memory. */
void fake_zone_unload(struct fake_zone *zone, uint64_t at);

/* As ngx_slab_alloc() and ngx_slab_free(); 0: no memory. */
uint64_t fake_zone_alloc(struct fake_zone *zone, uint64_t bytes);
void fake_zone_free(struct fake_zone *zone, uint64_t at);

/* Addresses of a page, of its entry in the books, of a size's list head and of its statistics. */
uint64_t fake_zone_page(const struct fake_zone *zone, uint64_t page);
uint64_t fake_zone_entry(const struct fake_zone *zone, uint64_t page);
uint64_t fake_zone_slot(unsigned slot);
uint64_t fake_zone_statistics(unsigned slot);

/* The index of the page that `at` is on. */
uint64_t fake_zone_page_of(const struct fake_zone *zone, uint64_t at);

#endif
