/*
 * All objects of an index in the order of their ids, which is that of their addresses: far cheaper than to ask for
 * one address after another.
 *
 *     struct object_cursor cursor = object_cursor_begin(&graph->index);
 *     while (object_cursor_next(&cursor))
 *         use(cursor.id, cursor.at);
 */
#ifndef RESPIRE_MODEL_OBJECT_CURSOR_H
#define RESPIRE_MODEL_OBJECT_CURSOR_H

#include "model/object_index.h"

struct object_cursor {
    const struct object_index *index;
    size_t part;
    uint64_t word; /* of the part's bits: the next one */
    uint64_t bits; /* of the word before: what is left */
    object_id id;
    address_t at;
};

static inline struct object_cursor object_cursor_begin(const struct object_index *index)
{
    return (struct object_cursor){.index = index, .id = OBJECT_NONE};
}

/* Go to the next word that has objects; false at the end. */
static inline bool object_cursor_next_word(struct object_cursor *cursor)
{
    while (cursor->part < cursor->index->part_count) {
        const struct object_index_part *part = &cursor->index->parts[cursor->part];
        uint64_t words = range_bytes(part->range) / OBJECT_ALIGNMENT / 64;
        while (cursor->word < words)
            if ((cursor->bits = part->bits[cursor->word++]))
                return true;
        cursor->part++;
        cursor->word = 0;
    }
    return false;
}

static inline bool object_cursor_next(struct object_cursor *cursor)
{
    if (!cursor->bits && !object_cursor_next_word(cursor))
        return false;
    uint64_t bit = (cursor->word - 1) * 64 + (uint64_t)__builtin_ctzll(cursor->bits);
    cursor->bits &= cursor->bits - 1;
    cursor->id++; /* the first time from OBJECT_NONE to 0 */
    cursor->at = address_add(cursor->index->parts[cursor->part].range.start, bit * OBJECT_ALIGNMENT);
    return true;
}

#endif
