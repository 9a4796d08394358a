/*
 * Which bytes of the target are chunks of glibc's malloc: a bit for every 16 bytes where a chunk starts, and one that
 * says whether the program has it. 16 MiB for a heap of 1 GiB.
 *
 * A chunk here is all that malloc took for a block, with its header: the block itself starts 16 bytes behind its start.
 */
#ifndef RESPIRE_MODEL_CHUNK_MAP_H
#define RESPIRE_MODEL_CHUNK_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"

enum {
    CHUNK_ALIGNMENT = 16,
    CHUNK_HEADER_BYTES = 16, /* the first 8 of them belong to the chunk before, if that one is in use */
};

struct chunk {
    struct address_range range; /* with its header, up to the next chunk's start */
    bool used;                  /* the program has it: it is in no bin and no cache, and not the top of an arena */
};

/* One stretch of chunks without a gap between them. */
struct chunk_region {
    struct address_range range; /* multiples of CHUNK_ALIGNMENT; the first chunk starts where it starts */
    uint64_t *starts;           /* a bit for each 16 bytes; owned */
    uint64_t *used;             /* set where a used chunk starts; owned */
    uint64_t *occupied;         /* a bit for each word of `starts` that is not 0; owned */
};

struct chunk_map {
    struct chunk_region *items; /* address order, no overlap; valid once sealed */
    size_t count, capacity;
};

/* A stretch that is about to be walked. `region` is valid until the next call. */
struct error *chunk_map_add_region(struct chunk_map *map, struct address_range range, struct chunk_region **region);

/* Inside the region and aligned, or nothing happens. */
void chunk_region_add(struct chunk_region *region, address_t start, bool used);

/* Take back that a chunk is used: it was found in a cache. False when no used chunk starts there. Once sealed. */
bool chunk_map_free_chunk(struct chunk_map *map, address_t start);

/* All regions are there: put them in order. ERROR_NOT_UNDERSTOOD when two overlap. */
struct error *chunk_map_seal(struct chunk_map *map);

/* The chunk that `at` lies in. False: no chunk's byte. O(log regions), and a little more in chunks over a few MiB. */
bool chunk_map_find(const struct chunk_map *map, address_t at, struct chunk *chunk);

/* The chunk that starts there and no other. */
bool chunk_map_at(const struct chunk_map *map, address_t start, struct chunk *chunk);

/* Goes through all chunks by address. Start with {.map = map}. */
struct chunk_cursor {
    const struct chunk_map *map;
    size_t region;
    uint64_t granule; /* of the region */
};

bool chunk_cursor_next(struct chunk_cursor *cursor, struct chunk *chunk);

/*
 * The next stretch of chunks, one behind the other, of which none is used. Start with `granule` 0; false: there is no
 * more.
 */
bool chunk_region_next_unused(const struct chunk_region *region, uint64_t *granule, struct address_range *stretch);

void chunk_map_free(struct chunk_map *map);

#endif
