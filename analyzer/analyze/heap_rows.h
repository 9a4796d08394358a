/* What is most in malloc's memory: sizes of chunks by the bytes they take, and arenas. */
#ifndef RESPIRE_ANALYZE_HEAP_ROWS_H
#define RESPIRE_ANALYZE_HEAP_ROWS_H

#include <stddef.h>

#include "base/error.h"
#include "model/glibc_heap.h"

struct size_rows {
    struct chunk_size *items; /* most bytes first; owned */
    size_t count;
    struct chunk_sum others;  /* all sizes beyond these */
};

struct arena_rows {
    struct glibc_arena *items; /* the main one, then those with most memory; owned */
    size_t count;
    size_t other_count;
    struct glibc_arena others; /* the sums of those beyond these */
};

struct heap_rows {
    struct size_rows used, unused;
    struct arena_rows arenas;
};

/* At most `limit` rows of each; that is not 0. On failure `rows` is untouched. */
struct error *heap_rows_make(const struct glibc_heap *heap, size_t limit, struct heap_rows *rows);

void heap_rows_free(struct heap_rows *rows);

#endif
