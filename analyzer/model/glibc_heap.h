/*
 * All memory that glibc's malloc has, as its own books tell: arenas, what is in their bins and caches, and mappings of
 * single blocks. Sizes are those of whole chunks, headers included. Bytes.
 *
 * For each arena: used + binned + fast + cached + top + meta = system, to the byte.
 */
#ifndef RESPIRE_MODEL_GLIBC_HEAP_H
#define RESPIRE_MODEL_GLIBC_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "model/checks.h"
#include "model/chunk_map.h"
#include "model/heap.h"
#include "model/histogram.h"

struct chunk_sum {
    uint64_t count, bytes;
};

struct glibc_arena {
    address_t address;       /* its malloc_state */
    bool is_main;            /* grows by brk; the others by heaps of their own */
    uint64_t threads;        /* attached to it */
    uint64_t heaps;          /* stretches of memory: 1 for most */
    uint64_t system_bytes;   /* what it took from the kernel and still has: system_mem */
    struct chunk_sum used;   /* the program's */
    struct chunk_sum binned; /* free: in the unsorted, small and large bins */
    struct chunk_sum fast;   /* free: in fastbins */
    struct chunk_sum cached; /* free: in the caches of threads (tcache), whichever thread's */
    uint64_t top_bytes;      /* free: the end of the last heap */
    uint64_t meta_bytes;     /* heap headers, arena states inside heaps, fenceposts */
    uint64_t trim_bytes;     /* resident bytes that malloc_trim(0) would give back of this arena */
};

/* Chunks of one size. */
struct chunk_size {
    uint64_t bytes, count;
};

struct chunk_sizes {
    struct chunk_size *items; /* by size, smallest first */
    size_t count, capacity;
};

struct free_chunk {
    address_t address;
    uint64_t bytes, resident_bytes;
};

enum { LARGEST_FREE_MAX = 16 };

struct glibc_heap {
    const char *layout;         /* "glibc 2.35 to 2.41": the row that the bytes prove; static text */
    struct error *damage;       /* why it is not understood; no number here means anything then; owned */
    struct glibc_arena *arenas; /* the main one first, then by address */
    size_t arena_count, arena_capacity;
    struct chunk_sum mapped;    /* blocks with a mapping of their own; used, too */
    uint64_t used_bytes;        /* of all arenas, and mapped */
    uint64_t free_bytes;        /* binned, fast, cached and top of all arenas */
    uint64_t free_resident_bytes; /* of them, on resident pages */
    uint64_t meta_bytes;
    uint64_t trim_bytes;        /* resident bytes that malloc_trim(0) would give back */
    struct histogram used, free; /* chunks by power of two: mapped ones are used, tops are free */
    struct chunk_sizes used_sizes, free_sizes; /* the same by exact size */
    struct free_chunk largest_free[LARGEST_FREE_MAX]; /* largest first; tops too */
    size_t largest_free_count;
    struct heap pages;          /* the same for the page ledger: kind HEAP_GLIBC, a region for each stretch */
    struct chunk_map chunks;    /* released with the copy of the target's memory */
    struct checks checks;
};

/* One more chunk of that size. */
struct error *chunk_sizes_add(struct chunk_sizes *sizes, uint64_t bytes, uint64_t count);

void glibc_heap_release(struct glibc_heap *heap);

#endif
