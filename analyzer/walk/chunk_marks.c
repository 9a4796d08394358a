#include "walk/chunk_marks.h"

#include <stdlib.h>

#include "base/range_search.h"

enum { WORD_BITS = 64 };

bool chunk_marks_make(const struct chunk_map *chunks, struct chunk_marks *marks)
{
    uint64_t bits = 0;
    marks->chunks = chunks;
    marks->first_bits = calloc(chunks->count + 1, sizeof(*marks->first_bits));
    for (size_t i = 0; i < chunks->count && marks->first_bits; i++) {
        marks->first_bits[i] = bits;
        bits += range_bytes(chunks->items[i].range) / CHUNK_ALIGNMENT;
    }
    marks->bits = calloc(bits / WORD_BITS + 1, sizeof(*marks->bits));
    return marks->first_bits && marks->bits;
}

bool chunk_marks_set(struct chunk_marks *marks, address_t start)
{
    const struct chunk_map *chunks = marks->chunks;
    const struct chunk_region *region = RANGE_HOLDING(chunks->items, chunks->count, start);
    if (!region)
        return false;
    uint64_t bit = marks->first_bits[region - chunks->items]
        + (start.value - region->range.start.value) / CHUNK_ALIGNMENT;
    uint64_t mask = (uint64_t)1 << bit % WORD_BITS, old = marks->bits[bit / WORD_BITS];
    marks->bits[bit / WORD_BITS] = old | mask;
    return !(old & mask);
}

void chunk_marks_free(struct chunk_marks *marks)
{
    free(marks->bits);
    free(marks->first_bits);
}
