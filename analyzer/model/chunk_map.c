#include "model/chunk_map.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/range_search.h"
#include "base/size.h"

enum { WORD_BITS = 64 };

static uint64_t granules(const struct chunk_region *region)
{
    return range_bytes(region->range) / CHUNK_ALIGNMENT;
}

static uint64_t words_for(uint64_t bits)
{
    return bits / WORD_BITS + 1;
}

static bool is_set(const uint64_t *bits, uint64_t bit)
{
    return bits[bit / WORD_BITS] >> bit % WORD_BITS & 1;
}

static void set(uint64_t *bits, uint64_t bit)
{
    bits[bit / WORD_BITS] |= (uint64_t)1 << bit % WORD_BITS;
}

static void release_region(struct chunk_region *region)
{
    free(region->starts);
    free(region->used);
    free(region->occupied);
}

struct error *chunk_map_add_region(struct chunk_map *map, struct address_range range, struct chunk_region **region)
{
    struct chunk_region added = {
        .range = {
            address(round_up(range.start.value, CHUNK_ALIGNMENT)),
            address(round_down(range.end.value, CHUNK_ALIGNMENT)),
        },
    };
    uint64_t words = words_for(granules(&added));
    added.starts = calloc(words, sizeof(*added.starts));
    added.used = calloc(words, sizeof(*added.used));
    added.occupied = calloc(words_for(words), sizeof(*added.occupied));
    struct chunk_region *place = added.starts && added.used && added.occupied ? ARRAY_ADD(map) : NULL;
    if (!place) {
        release_region(&added);
        return error_no_memory();
    }
    *place = added;
    *region = place;
    return NULL;
}

void chunk_region_add(struct chunk_region *region, address_t start, bool used)
{
    if (!range_holds(region->range, start, CHUNK_ALIGNMENT) || start.value % CHUNK_ALIGNMENT)
        return;
    uint64_t granule = (start.value - region->range.start.value) / CHUNK_ALIGNMENT;
    set(region->starts, granule);
    set(region->occupied, granule / WORD_BITS);
    if (used)
        set(region->used, granule);
}

struct error *chunk_map_seal(struct chunk_map *map)
{
    SORT_BY_START(map->items, map->count);
    for (size_t i = 1; i < map->count; i++)
        if (map->items[i].range.start.value < map->items[i - 1].range.end.value)
            return error_new(ERROR_NOT_UNDERSTOOD, "malloc heap: two stretches of chunks overlap at 0x%" PRIx64,
                map->items[i].range.start.value);
    return NULL;
}

static const struct chunk_region *find_region(const struct chunk_map *map, address_t at)
{
    return RANGE_HOLDING(map->items, map->count, at);
}

/* The first set bit at or behind `bit`, or `end`. */
static uint64_t next_start(const struct chunk_region *region, uint64_t bit, uint64_t end)
{
    if (bit >= end)
        return end;
    uint64_t word = bit / WORD_BITS;
    uint64_t left = region->starts[word] >> bit % WORD_BITS;
    if (left)
        return bit + (uint64_t)__builtin_ctzll(left);
    uint64_t words = words_for(end);
    for (word++; word < words;) {
        uint64_t summary = region->occupied[word / WORD_BITS] >> word % WORD_BITS;
        if (summary) {
            word += (uint64_t)__builtin_ctzll(summary);
            return word * WORD_BITS + (uint64_t)__builtin_ctzll(region->starts[word]);
        }
        word = round_down(word, WORD_BITS) + WORD_BITS;
    }
    return end;
}

static unsigned highest_bit(uint64_t word)
{
    return WORD_BITS - 1 - (unsigned)__builtin_clzll(word);
}

/* The last set bit at or before `bit` of one word onwards; false when there is none. */
static bool last_start(const struct chunk_region *region, uint64_t bit, uint64_t *found)
{
    uint64_t word = bit / WORD_BITS;
    uint64_t left = region->starts[word] << (WORD_BITS - 1 - bit % WORD_BITS);
    if (left) {
        *found = bit - (uint64_t)__builtin_clzll(left);
        return true;
    }
    while (word > 0) {
        word--;
        uint64_t summary = region->occupied[word / WORD_BITS] << (WORD_BITS - 1 - word % WORD_BITS);
        if (summary) {
            word -= (uint64_t)__builtin_clzll(summary);
            *found = word * WORD_BITS + highest_bit(region->starts[word]);
            return true;
        }
        word = round_down(word, WORD_BITS);
    }
    return false;
}

static void describe(const struct chunk_region *region, uint64_t granule, struct chunk *chunk)
{
    uint64_t end = next_start(region, granule + 1, granules(region));
    chunk->range = (struct address_range){
        address(region->range.start.value + granule * CHUNK_ALIGNMENT),
        address(region->range.start.value + end * CHUNK_ALIGNMENT),
    };
    chunk->used = is_set(region->used, granule);
}

bool chunk_map_find(const struct chunk_map *map, address_t at, struct chunk *chunk)
{
    const struct chunk_region *region = find_region(map, at);
    uint64_t granule;
    if (!region || !last_start(region, (at.value - region->range.start.value) / CHUNK_ALIGNMENT, &granule))
        return false;
    describe(region, granule, chunk);
    return true;
}

bool chunk_map_at(const struct chunk_map *map, address_t start, struct chunk *chunk)
{
    const struct chunk_region *region = find_region(map, start);
    if (!region || start.value % CHUNK_ALIGNMENT)
        return false;
    uint64_t granule = (start.value - region->range.start.value) / CHUNK_ALIGNMENT;
    if (!is_set(region->starts, granule))
        return false;
    describe(region, granule, chunk);
    return true;
}

bool chunk_map_free_chunk(struct chunk_map *map, address_t start)
{
    const struct chunk_region *region = find_region(map, start);
    if (!region || start.value % CHUNK_ALIGNMENT)
        return false;
    uint64_t granule = (start.value - region->range.start.value) / CHUNK_ALIGNMENT;
    if (!is_set(region->used, granule))
        return false;
    region->used[granule / WORD_BITS] &= ~((uint64_t)1 << granule % WORD_BITS);
    return true;
}

bool chunk_cursor_next(struct chunk_cursor *cursor, struct chunk *chunk)
{
    for (; cursor->region < cursor->map->count; cursor->region++, cursor->granule = 0) {
        const struct chunk_region *region = &cursor->map->items[cursor->region];
        uint64_t end = granules(region);
        uint64_t start = next_start(region, cursor->granule, end);
        if (start >= end)
            continue;
        describe(region, start, chunk);
        cursor->granule = start + 1;
        return true;
    }
    return false;
}

/* The first chunk at or behind `bit` that is not used, or `end`. */
static uint64_t next_unused_start(const struct chunk_region *region, uint64_t bit, uint64_t end)
{
    for (uint64_t word = bit / WORD_BITS; bit < end; bit = ++word * WORD_BITS) {
        uint64_t left = (region->starts[word] & ~region->used[word]) >> bit % WORD_BITS;
        if (left)
            return bit + (uint64_t)__builtin_ctzll(left);
    }
    return end;
}

bool chunk_region_next_unused(const struct chunk_region *region, uint64_t *granule, struct address_range *stretch)
{
    uint64_t end = granules(region);
    uint64_t first = next_unused_start(region, *granule, end);
    if (first >= end)
        return false;
    uint64_t behind = next_start(region, first + 1, end);
    while (behind < end && !is_set(region->used, behind))
        behind = next_start(region, behind + 1, end);
    *granule = behind;
    stretch->start = address_add(region->range.start, first * CHUNK_ALIGNMENT);
    stretch->end = address_add(region->range.start, behind * CHUNK_ALIGNMENT);
    return true;
}

void chunk_map_free(struct chunk_map *map)
{
    for (size_t i = 0; i < map->count; i++)
        release_region(&map->items[i]);
    ARRAY_FREE(map);
}
