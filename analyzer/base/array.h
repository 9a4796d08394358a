/*
 * A growable array of plain records: `struct { T *items; size_t count, capacity; }`.
 *
 *     ARRAY(struct mapping) mappings = {0};
 *     struct mapping *m = ARRAY_ADD(&mappings);      NULL when out of memory
 *     ARRAY_FREE(&mappings);
 *
 * ARRAY_ADD returns a zeroed record and may move all others.
 */
#ifndef RESPIRE_BASE_ARRAY_H
#define RESPIRE_BASE_ARRAY_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY(type)      \
    struct {             \
        type *items;     \
        size_t count;    \
        size_t capacity; \
    }

#define ARRAY_ADD(array)                                                                                           \
    (array_reserve_one((void **)&(array)->items, &(array)->capacity, (array)->count, sizeof(*(array)->items))      \
         ? memset(&(array)->items[(array)->count++], 0, sizeof(*(array)->items))                                   \
         : NULL)

#define ARRAY_FREE(array)                 \
    do {                                  \
        free((array)->items);             \
        (array)->items = NULL;            \
        (array)->count = 0;               \
        (array)->capacity = 0;            \
    } while (0)

static inline _Bool array_reserve_one(void **items, size_t *capacity, size_t count, size_t item_bytes)
{
    if (count < *capacity)
        return 1;
    size_t wanted = *capacity ? *capacity * 2 : 16;
    void *grown = reallocarray(*items, wanted, item_bytes);
    if (!grown)
        return 0;
    *items = grown;
    *capacity = wanted;
    return 1;
}

#endif
