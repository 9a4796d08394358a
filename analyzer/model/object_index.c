#include "model/object_index.h"

#include <stdlib.h>

#include "base/range_search.h"
#include "base/size.h"

enum { WORD_BITS = 64 };

static uint64_t part_words(const struct object_index_part *part)
{
    return range_bytes(part->range) / OBJECT_ALIGNMENT / WORD_BITS;
}

static uint64_t part_strides(const struct object_index_part *part)
{
    return range_bytes(part->range) / OBJECT_INDEX_STRIDE;
}

/* Stretches widened to whole strides may touch or overlap: those become one. */
static void add_range(struct object_index *index, struct address_range range)
{
    struct address_range wide = {
        address(round_down(range.start.value, OBJECT_INDEX_STRIDE)),
        address(round_up(range.end.value, OBJECT_INDEX_STRIDE)),
    };
    struct object_index_part *last = index->part_count ? &index->parts[index->part_count - 1] : NULL;
    if (last && wide.start.value <= last->range.end.value)
        last->range.end.value = size_max(last->range.end.value, wide.end.value);
    else
        index->parts[index->part_count++].range = wide;
}

struct error *object_index_make(const struct address_range *ranges, size_t count, struct object_index *index)
{
    *index = (struct object_index){.parts = calloc(count + 1, sizeof(*index->parts))};
    if (!index->parts)
        return error_no_memory();
    for (size_t i = 0; i < count; i++)
        add_range(index, ranges[i]);
    for (size_t i = 0; i < index->part_count; i++) {
        struct object_index_part *part = &index->parts[i];
        part->bits = calloc(part_words(part) + 1, sizeof(*part->bits));
        part->ranks = calloc(part_strides(part) + 1, sizeof(*part->ranks));
        if (!part->bits || !part->ranks)
            return error_no_memory();
    }
    return NULL;
}

void object_index_free(struct object_index *index)
{
    for (size_t i = 0; i < index->part_count; i++) {
        free(index->parts[i].bits);
        free(index->parts[i].ranks);
    }
    free(index->parts);
    *index = (struct object_index){0};
}

/* The part that holds `object`, or NULL. */
static const struct object_index_part *find_part(const struct object_index *index, address_t object)
{
    return RANGE_HOLDING(index->parts, index->part_count, object);
}

bool object_index_add(struct object_index *index, address_t object)
{
    const struct object_index_part *part = find_part(index, object);
    if (!part || object.value % OBJECT_ALIGNMENT)
        return false;
    uint64_t bit = (object.value - part->range.start.value) / OBJECT_ALIGNMENT;
    uint64_t mask = (uint64_t)1 << bit % WORD_BITS;
    return !(__atomic_fetch_or(&part->bits[bit / WORD_BITS], mask, __ATOMIC_RELAXED) & mask);
}

void object_index_seal(struct object_index *index)
{
    uint64_t id = 0;
    for (size_t i = 0; i < index->part_count; i++) {
        struct object_index_part *part = &index->parts[i];
        for (uint64_t word = 0; word < part_words(part); word++) {
            if (word % OBJECT_INDEX_WORDS == 0)
                part->ranks[word / OBJECT_INDEX_WORDS] = (object_id)id;
            id += (uint64_t)__builtin_popcountll(part->bits[word]);
        }
        part->ranks[part_strides(part)] = (object_id)id;
    }
    index->count = (object_id)id;
}

object_id object_index_find(const struct object_index *index, address_t object)
{
    const struct object_index_part *part = find_part(index, object);
    if (!part || object.value % OBJECT_ALIGNMENT)
        return OBJECT_NONE;
    uint64_t bit = (object.value - part->range.start.value) / OBJECT_ALIGNMENT;
    uint64_t word = bit / WORD_BITS;
    uint64_t mask = (uint64_t)1 << bit % WORD_BITS;
    if (!(part->bits[word] & mask))
        return OBJECT_NONE;
    object_id id = part->ranks[word / OBJECT_INDEX_WORDS];
    for (uint64_t before = round_down(word, OBJECT_INDEX_WORDS); before < word; before++)
        id += (object_id)__builtin_popcountll(part->bits[before]);
    return id + (object_id)__builtin_popcountll(part->bits[word] & (mask - 1));
}

/* The last of `count` ascending starts that is not above `id`. */
static uint64_t last_stride(const object_id *ranks, uint64_t count, object_id id)
{
    uint64_t low = 0, high = count;
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (ranks[middle] <= id)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The place of the set bit that has `skip` set bits below it. */
static unsigned nth_bit(uint64_t word, unsigned skip)
{
    while (skip--)
        word &= word - 1;
    return (unsigned)__builtin_ctzll(word);
}

struct object_cursor object_cursor_at(const struct object_index *index, object_id id)
{
    if (id >= index->count)
        return (struct object_cursor){.index = index, .part = index->part_count};
    size_t i = 0;
    while (index->parts[i].ranks[part_strides(&index->parts[i])] <= id)
        i++;
    const struct object_index_part *part = &index->parts[i];
    uint64_t stride = last_stride(part->ranks, part_strides(part), id);
    uint64_t word = stride * OBJECT_INDEX_WORDS;
    unsigned skip = id - part->ranks[stride];
    for (unsigned set; (set = (unsigned)__builtin_popcountll(part->bits[word])) <= skip; word++)
        skip -= set;
    uint64_t below = ((uint64_t)1 << nth_bit(part->bits[word], skip)) - 1;
    return (struct object_cursor){.index = index, .part = i, .word = word, .left = part->bits[word] & ~below};
}

address_t object_cursor_next(struct object_cursor *cursor)
{
    for (; cursor->part < cursor->index->part_count; cursor->part++) {
        const struct object_index_part *part = &cursor->index->parts[cursor->part];
        while (!cursor->left && ++cursor->word < part_words(part))
            cursor->left = part->bits[cursor->word];
        if (cursor->left) {
            uint64_t bit = cursor->word * WORD_BITS + (unsigned)__builtin_ctzll(cursor->left);
            cursor->left &= cursor->left - 1;
            return address_add(part->range.start, bit * OBJECT_ALIGNMENT);
        }
        cursor->word = UINT64_MAX; /* before the first of the next part */
    }
    return (address_t){0};
}

address_t object_index_address(const struct object_index *index, object_id id)
{
    struct object_cursor cursor = object_cursor_at(index, id);
    return object_cursor_next(&cursor);
}
