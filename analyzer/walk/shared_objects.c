#include "walk/shared_objects.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/range_search.h"
#include "base/size.h"
#include "walk/pool_memory.h"

enum { WORD_BYTES = 8, WORD_BITS = 64, NEIGHBOURHOOD_BYTES = 32 };

bool shared_objects_make(struct memory_view *view, const struct nginx_pools *pools, struct shared_objects *objects)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < pools->chunk_count; i++) {
        const struct pool_chunk *chunk = &pools->chunks[i];
        if (chunk->is_large || pools->pools[chunk->pool].kind == POOL_UNOWNED)
            continue;
        struct address_range contents = pool_chunk_contents(view, pools, chunk);
        contents.end = address(round_up(contents.end.value, WORD_BYTES));
        struct shared_block *block = range_bytes(contents) ? ARRAY_ADD(objects) : NULL;
        if (!block && range_bytes(contents))
            return false;
        if (block)
            *block = (struct shared_block){contents, bits};
        bits += range_bytes(contents) / WORD_BYTES;
    }
    objects->starts = calloc(bits / WORD_BITS + 1, sizeof(*objects->starts));
    objects->taken = calloc(bits / WORD_BITS + 1, sizeof(*objects->taken));
    objects->blanks = calloc(bits / WORD_BITS + 1, sizeof(*objects->blanks));
    return objects->starts && objects->taken && objects->blanks;
}

static bool is_set(const uint64_t *bits, uint64_t bit)
{
    return bits[bit / WORD_BITS] >> bit % WORD_BITS & 1;
}

static void set(uint64_t *bits, uint64_t bit)
{
    bits[bit / WORD_BITS] |= (uint64_t)1 << bit % WORD_BITS;
}

const struct shared_block *shared_objects_block(const struct shared_objects *objects, address_t at)
{
    return RANGE_HOLDING(objects->items, objects->count, at);
}

static uint64_t bit_of(const struct shared_block *block, address_t at)
{
    return block->first_bit + (at.value - block->range.start.value) / WORD_BYTES;
}

static address_t address_of(const struct shared_block *block, uint64_t bit)
{
    return address_add(block->range.start, (bit - block->first_bit) * WORD_BYTES);
}

void shared_objects_learn(struct shared_objects *objects, address_t place, uint64_t word)
{
    if (objects->count == 0 || word < objects->items[0].range.start.value
        || word >= objects->items[objects->count - 1].range.end.value
        || word - place.value + NEIGHBOURHOOD_BYTES < 2 * NEIGHBOURHOOD_BYTES)
        return;
    const struct shared_block *block = shared_objects_block(objects, address(word));
    if (block)
        set(objects->starts, bit_of(block, address(word)));
}

void shared_objects_blank(struct shared_objects *objects, address_t place)
{
    const struct shared_block *block = shared_objects_block(objects, place);
    if (block)
        set(objects->blanks, bit_of(block, place));
}

bool shared_objects_is_blank(const struct shared_objects *objects, const struct shared_block *block, address_t place)
{
    return is_set(objects->blanks, bit_of(block, place));
}

/* The last set bit from `first` to `bit`, or `first`. */
static uint64_t last_set(const uint64_t *bits, uint64_t first, uint64_t bit)
{
    while (bit > first) {
        uint64_t left = bits[bit / WORD_BITS] << (WORD_BITS - 1 - bit % WORD_BITS);
        if (left) {
            uint64_t found = bit - (uint64_t)__builtin_clzll(left);
            return found > first ? found : first;
        }
        if (bit < WORD_BITS)
            break;
        bit = round_down(bit, WORD_BITS) - 1;
    }
    return first;
}

/* The first set bit from `bit` on, or `end`. */
static uint64_t next_set(const uint64_t *bits, uint64_t bit, uint64_t end)
{
    while (bit < end) {
        uint64_t left = bits[bit / WORD_BITS] >> bit % WORD_BITS;
        if (left)
            return size_min(bit + (uint64_t)__builtin_ctzll(left), end);
        bit = round_down(bit, WORD_BITS) + WORD_BITS;
    }
    return end;
}

bool shared_objects_at(const struct shared_objects *objects, address_t at, struct address_range *object)
{
    const struct shared_block *block = shared_objects_block(objects, at);
    if (!block)
        return false;
    uint64_t bit = bit_of(block, at), first = last_set(objects->starts, block->first_bit, bit);
    uint64_t last = next_set(objects->starts, bit + 1, bit_of(block, block->range.end));
    *object = (struct address_range){address_of(block, first), address_of(block, last)};
    return true;
}

bool shared_objects_take(struct shared_objects *objects, address_t at, struct address_range *object)
{
    if (!shared_objects_at(objects, at, object))
        return false;
    uint64_t bit = bit_of(shared_objects_block(objects, object->start), object->start);
    if (is_set(objects->taken, bit))
        return false;
    set(objects->taken, bit);
    return true;
}

void shared_objects_free(struct shared_objects *objects)
{
    ARRAY_FREE(objects);
    free(objects->starts);
    free(objects->taken);
    free(objects->blanks);
}
