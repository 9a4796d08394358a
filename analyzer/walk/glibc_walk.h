/*
 * One walk over all memory of glibc's malloc: what its parts share. Only walk/glibc_*.c include this file; they run in
 * this order.
 */
#ifndef RESPIRE_WALK_GLIBC_WALK_H
#define RESPIRE_WALK_GLIBC_WALK_H

#include "locate/glibc_arenas.h"
#include "model/glibc_heap.h"
#include "target/memory_view.h"

/* A stretch of memory that an arena took: a heap, or what it got from brk. */
struct glibc_stretch {
    struct address_range range;  /* all of it; whole pages but for the first that the main arena has */
    struct address_range chunks; /* from the first chunk to the end of the last, or of the top */
    size_t arena;                /* index in heap->arenas */
};

struct glibc_walk {
    const struct capture *capture;
    struct memory_view view;
    const struct glibc_books *books;
    const struct glibc_malloc_layout *layout; /* any that fits, until caches have decided */
    uint64_t page_bytes;
    struct glibc_heap *heap;
    struct {
        struct glibc_stretch *items; /* once all are there: address order, beside the first regions of heap->chunks */
        size_t count, capacity;
    } stretches;
    struct {
        address_t *items; /* used chunks of the size that a thread's cache has by any row that fits */
        size_t count, capacity;
    } cache_candidates;
    uint64_t mapped_bytes;            /* of the target: no walk can find more */
    uint64_t held_bytes;              /* of all stretches */
    uint64_t uncertain_bytes;         /* of them, what an arena may or may not count: gaps that brk left behind */
    uint64_t linked_chunks;           /* of those that are free by their neighbour's flag, what bins hold */
    bool needs_cache;                 /* whoever has small blocks */
    uint64_t caches;
    uint64_t flag_errors, foot_errors;
    uint64_t locked_arenas;
    uint64_t page_looks; /* so far, at ends of pages */
    uint64_t misfits; /* in a bin or cache, but no chunk that can be there */
};

/* Every chunk of every arena: heap->arenas and their .binned, heap->chunks, stretches, cache_candidates. */
struct error *glibc_walk_arenas(struct glibc_walk *walk);

/* Of the rows that fit, the one by which most lists of caches and fastbins make sense. */
struct error *glibc_walk_choose(struct glibc_walk *walk);

/* Whether bins hold just the free chunks; what fastbins hold: heap->arenas[].fast. */
void glibc_walk_bins(struct glibc_walk *walk);

/* What malloc_trim(0) would give back: heap->trim_bytes. While bins are known, and what caches hold still is used. */
void glibc_walk_trim(struct glibc_walk *walk);

/* What the caches of threads hold: heap->arenas[].cached. */
struct error *glibc_walk_caches(struct glibc_walk *walk);

/* Blocks with a mapping of their own: heap->mapped. They join heap->chunks. */
struct error *glibc_walk_mapped(struct glibc_walk *walk);

/* Sizes, histograms, pages and sums of all that the others have found. */
struct error *glibc_walk_account(struct glibc_walk *walk);

/* The stretch whose chunks hold `at`, or NULL. Once all are there. */
const struct glibc_stretch *glibc_stretch_at(const struct glibc_walk *walk, address_t at);

/* The chunk that ends the arena. */
address_t glibc_top(const struct glibc_walk *walk, size_t arena);

/*
 * Memory that malloc may have taken: anonymous, which huge pages of their own are, too, in spite of their path. The
 * program may have made it read-only since.
 */
static inline bool glibc_may_have(const struct mapping *mapping)
{
    return mapping->readable && !mapping->shared
        && (!mapping_has_file(mapping) || strcmp(mapping->path, "/anon_hugepage") == 0);
}

/* The next of a singly linked list; `at` is where its link is stored. */
static inline uint64_t glibc_link(const struct glibc_malloc_layout *layout, uint64_t at, uint64_t stored)
{
    return layout->links_hidden ? stored ^ at >> 12 : stored;
}

#endif
