/*
 * What grew between two moments: by path, by tables' records, by type and by size. Everything is compared by name.
 *
 * A path stands for a container: what its elements "[*]" are made of counts for the container when they became more,
 * and for the step below when they stayed as many and became bigger. Every byte counts for one path.
 */
#ifndef RESPIRE_ANALYZE_GROWTH_H
#define RESPIRE_ANALYZE_GROWTH_H

#include "analyze/moment.h"

struct growth_path {
    char *path;
    struct amount before, after;
};

/* The tables at one step of the paths; mostly one. */
struct growth_table {
    char *path;
    struct step_tables before, after;
    double more_records; /* than tables of the size they had before would hold, as many as there are after */
};

struct growth {
    struct growth_path *paths; /* those that differ, most growth in bytes first, shrunk ones last */
    size_t path_count;
    struct growth_table *tables; /* those that hold more or fewer records each; most growth first, shrunk ones last */
    size_t table_count;
    struct checks checks;
};

/* On failure `growth` is untouched; otherwise release it with growth_free(). */
struct error *growth_find(const struct moment *before, const struct moment *after, struct growth *growth);

/* By how much a number of bytes or records differs. */
static inline int64_t growth_of(uint64_t before, uint64_t after)
{
    return (int64_t)(after - before);
}

void growth_free(struct growth *growth);

#endif
