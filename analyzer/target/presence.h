/*
 * Which pages are there: runs of pages that share the same state, in address order. Absent pages are not listed.
 *
 * Source on a live process: ioctl(PAGEMAP_SCAN) where the kernel has it (6.7), /proc/PID/pagemap elsewhere.
 * The kernel's zero page counts as absent: it holds nothing and VmRSS does not count it.
 */
#ifndef RESPIRE_TARGET_PRESENCE_H
#define RESPIRE_TARGET_PRESENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"

enum page_state {
    PAGE_ANONYMOUS, /* present, private to the process: never in a file, or copied on write */
    PAGE_FILE,      /* present, and a page of a file or of shared memory */
    PAGE_SWAPPED,   /* in swap: counted, never read */
};

struct page_run {
    struct address_range range; /* whole pages */
    enum page_state state;
};

struct presence {
    struct page_run *items; /* address order, no overlap; neighbours of equal state are merged */
    size_t count, capacity;
};

/* Append a run; it must lie behind all others. Merged with the last one where it continues it. */
struct error *presence_add(struct presence *presence, struct address_range range, enum page_state state);

void presence_free(struct presence *presence);

/* The index of the first run that ends behind `from`; presence->count when there is none. O(log runs). */
size_t presence_first(const struct presence *presence, address_t from);

/* Bytes of `range` that lie on resident pages (anonymous or file). O(log runs + runs in range). */
uint64_t presence_resident_bytes(const struct presence *presence, struct address_range range);

/* As above for the pages of one state. */
uint64_t presence_state_bytes(const struct presence *presence, struct address_range range, enum page_state state);

#endif
