/*
 * The memory of a program with glibc's malloc, made by hand after any row of layouts: a main arena with one chunk of
 * every kind, an arena of two heaps, and a block with a mapping of its own.
 */
#ifndef RESPIRE_TESTS_FAKE_MALLOC_H
#define RESPIRE_TESTS_FAKE_MALLOC_H

#include "fake_capture.h"
#include "layouts/glibc_malloc_layout.h"
#include "model/glibc_heap.h"

enum fake_malloc_sizes {
    FAKE_USED_BYTES = 64,
    FAKE_CACHED_BYTES = 32, /* two of them in the main thread's cache */
    FAKE_FAST_BYTES = 48,   /* two of them in a fastbin, where there are fastbins; else used */
    FAKE_FREE_BYTES = 8192, /* one in the main arena's unsorted bin */
    FAKE_LAST_BYTES = 128,  /* used, before the top */
    FAKE_HEAP_BYTES = 64 << 10,
    FAKE_OTHER_HEAP_BYTES = 32 << 10,
    FAKE_MAPPED_BYTES = 132 << 10,
};

struct fake_malloc {
    struct fake_capture fake;
    const struct glibc_malloc_layout *layout;
    unsigned char *data, *brk, *older, *newer, *mapped; /* the bytes of each mapping */
    uint64_t main_arena, parameters, cache, cached[2], fast[2], free_chunk, last, top;
    uint64_t other_arena, other_used, other_fence, newer_used, newer_top;
    struct glibc_heap heap;
};

void fake_malloc_build(struct fake_malloc *made, const struct glibc_malloc_layout *layout);

/* Where the 8 bytes at that address are. */
unsigned char *fake_malloc_at(struct fake_malloc *made, uint64_t at);

/* Walk it: made->heap. */
void fake_malloc_walk(struct fake_malloc *made);

void fake_malloc_free(struct fake_malloc *made);

#endif
