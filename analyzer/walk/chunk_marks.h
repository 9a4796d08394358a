/* A mark for each chunk of malloc, in the same room as the chunk map takes. */
#ifndef RESPIRE_WALK_CHUNK_MARKS_H
#define RESPIRE_WALK_CHUNK_MARKS_H

#include <stdbool.h>
#include <stdint.h>

#include "model/chunk_map.h"

struct chunk_marks {
    const struct chunk_map *chunks;
    uint64_t *bits;       /* one for each place where a chunk may start, region behind region; owned */
    uint64_t *first_bits; /* of each region; owned */
};

/* False: no memory. `marks` is zeroed; free it in any case. `chunks` must outlive it. */
bool chunk_marks_make(const struct chunk_map *chunks, struct chunk_marks *marks);

/* Mark the chunk that starts there. False: it is marked already, or there is none. */
bool chunk_marks_set(struct chunk_marks *marks, address_t start);

void chunk_marks_free(struct chunk_marks *marks);

#endif
