/*
 * One arena on its way from chunk to chunk. Only walk/glibc_*arena.c include this file: main and thread arenas know
 * where their memory is.
 */
#ifndef RESPIRE_WALK_GLIBC_ARENA_H
#define RESPIRE_WALK_GLIBC_ARENA_H

#include "walk/glibc_walk.h"

struct arena_walk {
    struct glibc_walk *walk;
    address_t state;
    size_t index;
    address_t top;
    uint64_t system_bytes;
    uint64_t gap_bytes;  /* of them, what others took from brk in between */
    uint64_t not_main;   /* the flag that its used chunks have */
    uint64_t trial_steps;
    struct chunk_sum binned; /* free by their neighbour's flag, without the top */
    bool met_top;
    bool has_gaps; /* brk has failed once: what others took from it later does not count */
};

/* All chunks of a stretch that may end at `range.end` at the latest. `chunks` is what they take. */
struct error *glibc_walk_stretch(struct arena_walk *a, struct address_range range, struct address_range *chunks);

struct error *glibc_add_stretch(struct arena_walk *a, struct address_range range, struct address_range chunks);

/* All that the main arena has, or another one. */
struct error *glibc_walk_main_arena(struct arena_walk *a);
struct error *glibc_walk_thread_arena(struct arena_walk *a);

/* The end of the anonymous memory that goes on from `at`. */
address_t glibc_memory_end(const struct glibc_walk *walk, address_t at);

struct error *glibc_arena_damage(const struct arena_walk *a, address_t at, const char *what);

#endif
