/*
 * Which addresses are objects, and their numbers: a bit for every 8 bytes of the heap and a count for every 512 bits.
 * An object's id is its rank by address, so ids that are near are objects that are near. 16 MiB for a heap of 1 GiB.
 */
#ifndef RESPIRE_MODEL_OBJECT_INDEX_H
#define RESPIRE_MODEL_OBJECT_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"

/* The number of an object within its state: 0 to the count of objects - 1, by address. */
typedef uint32_t object_id;

#define OBJECT_NONE UINT32_MAX

enum {
    OBJECT_ALIGNMENT = 8,
    OBJECT_INDEX_WORDS = 8,                                            /* 64-bit words that share one count */
    OBJECT_INDEX_STRIDE = OBJECT_INDEX_WORDS * 64 * OBJECT_ALIGNMENT,  /* bytes of the heap that share one count */
};

/* One stretch of memory that holds objects. */
struct object_index_part {
    struct address_range range; /* starts and ends at a multiple of OBJECT_INDEX_STRIDE */
    uint64_t *bits;             /* owned */
    object_id *ranks;           /* objects before each stride, and before the end; owned; valid once sealed */
};

struct object_index {
    struct object_index_part *parts; /* address order, no overlap */
    size_t part_count;
    object_id count;                 /* objects; valid once sealed */
};

/* An empty index of these stretches, in address order. Release it with object_index_free(), whatever the outcome. */
struct error *object_index_make(const struct address_range *ranges, size_t count, struct object_index *index);

/*
 * Note an object. False when the address is outside all stretches, not aligned, or was noted before. Threads may add
 * at the same time.
 */
bool object_index_add(struct object_index *index, address_t object);

/* All objects are noted: number them. From here on the index only answers. */
void object_index_seal(struct object_index *index);

/* The number of the object at `object`, or OBJECT_NONE. */
object_id object_index_find(const struct object_index *index, address_t object);

/* The address of object `id`, which is below the count. */
address_t object_index_address(const struct object_index *index, object_id id);

/* Goes through the objects in the order of their ids. */
struct object_cursor {
    const struct object_index *index;
    size_t part;
    uint64_t word; /* of the part */
    uint64_t left; /* bits of that word which are still to come */
};

/* A cursor that stands before object `id`, or at the end when there is none. */
struct object_cursor object_cursor_at(const struct object_index *index, object_id id);

/* The address of the next object; null behind the last. */
address_t object_cursor_next(struct object_cursor *cursor);

void object_index_free(struct object_index *index);

#endif
