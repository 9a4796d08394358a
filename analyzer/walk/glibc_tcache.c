/*
 * Owns the caches of threads. Nothing that can be found without symbols points to a thread's cache, but it is a chunk
 * of known size, full of lists whose chunks must be used, of the list's size, and as many as the cache counts. Those of
 * threads that a fork left behind in the parent are caches, too: their chunks are free, but nobody will ever take them.
 */
#include "base/array.h"
#include "walk/glibc_walk.h"

enum {
    LIST_BYTES = 8,
    STEPS_MAX = 1 << 26,
    LARGE_SHIFT = 10, /* the first list for more than one size holds chunks of 1 to 2 KiB */
};

struct cache_walk {
    struct glibc_walk *walk;
    const struct glibc_malloc_layout *layout;
    uint64_t count_max; /* of chunks in a list */
    uint64_t steps;     /* from chunk to chunk, of all lists */
    ARRAY(struct chunk) chunks; /* of the cache that is being read */
};

static uint64_t listed_max(const struct glibc_walk *walk)
{
    struct memory_view view = view_of(walk->capture);
    uint64_t count;
    return view_u64(&view, address_add(walk->books->parameters, GLIBC_PARAMETERS_CACHE_COUNT), &count) ? count : 0;
}

/* Chunks of one size, or of a power of two and what is above it. */
static bool fits(const struct glibc_cache_layout *layout, unsigned bin, uint64_t bytes)
{
    if (bin < layout->bins_by_size)
        return bytes == GLIBC_CHUNK_MINIMUM + bin * (uint64_t)CHUNK_ALIGNMENT;
    return bytes >> (LARGE_SHIFT + bin - layout->bins_by_size) == 1;
}

/* All chunks of a list: used ones, and of its size. `good`: they are, and the list ends. */
static struct error *read_list(struct cache_walk *c, unsigned bin, uint64_t block, uint64_t *length, bool *good)
{
    struct glibc_walk *walk = c->walk;
    *good = false;
    for (*length = 0; block; ++*length) {
        struct chunk chunk;
        uint64_t stored;
        if (*length > c->count_max || c->steps++ > STEPS_MAX || block < GLIBC_CHUNK_BLOCK
            || !chunk_map_at(&walk->heap->chunks, address(block - GLIBC_CHUNK_BLOCK), &chunk)
            || !chunk.used || !fits(&c->layout->cache, bin, range_bytes(chunk.range))
            || !view_u64(&walk->view, address(block), &stored))
            return NULL;
        struct chunk *added = ARRAY_ADD(&c->chunks);
        if (!added)
            return error_no_memory();
        *added = chunk;
        block = glibc_link(c->layout, block, stored);
    }
    *good = true;
    return NULL;
}

/*
 * Each list is as long as the cache says; but its thread may have been caught between changing one list and counting.
 * `good`: so it is.
 */
static struct error *read_lists(struct cache_walk *c, const unsigned char *cache, bool *good)
{
    const struct glibc_cache_layout *layout = &c->layout->cache;
    unsigned proven = 0, in_between = 0;
    for (unsigned bin = 0; bin < layout->bins; bin++) {
        uint64_t length;
        uint64_t count = layout->count_bytes == 1 ? field_u8(cache, bin) : field_u16(cache, bin * 2);
        if (layout->counts_free)
            count = c->count_max - count;
        struct error *error = read_list(c, bin, field_u64(cache, layout->entries + bin * LIST_BYTES), &length, good);
        if (error || !*good)
            return error;
        proven += length == count && length;
        in_between += length != count;
        *good = length == count || length + 1 == count || length == count + 1;
        if (!*good)
            return NULL;
    }
    *good = !in_between || (in_between == 1 && proven);
    return NULL;
}

/* `good`: there is a cache in the chunk, and c->chunks is all that it holds. */
static struct error *read_cache(struct cache_walk *c, address_t start, bool *good)
{
    const struct glibc_cache_layout *layout = &c->layout->cache;
    struct chunk holder;
    c->chunks.count = 0;
    *good = false;
    if (!chunk_map_at(&c->walk->heap->chunks, start, &holder) || range_bytes(holder.range) != layout->chunk_bytes)
        return NULL;
    const unsigned char *cache = view_bytes(&c->walk->view, address_add(start, GLIBC_CHUNK_BLOCK),
        layout->entries + layout->bins * LIST_BYTES);
    return cache ? read_lists(c, cache, good) : NULL;
}

/* Of all fastbins, those whose first chunk has a link that makes sense. */
static uint64_t sensible_fastbins(struct glibc_walk *walk, const struct glibc_malloc_layout *layout)
{
    uint64_t sensible = 0;
    for (size_t i = 0; i < walk->books->count && layout->fastbins; i++) {
        for (unsigned bin = 0; bin < GLIBC_FASTBINS; bin++) {
            uint64_t at, stored;
            struct chunk chunk;
            if (!view_u64(&walk->view, address_add(walk->books->items[i], layout->fastbins + bin * LIST_BYTES), &at)
                || !at || !view_u64(&walk->view, address_add(address(at), GLIBC_CHUNK_NEXT), &stored))
                continue;
            uint64_t next = glibc_link(layout, at + GLIBC_CHUNK_NEXT, stored);
            sensible += !next || chunk_map_at(&walk->heap->chunks, address(next), &chunk);
        }
    }
    return sensible;
}

/* How much of what the row explains is there. */
static struct error *weigh(struct cache_walk *c, uint64_t *weight)
{
    *weight = sensible_fastbins(c->walk, c->layout);
    for (size_t i = 0; i < c->walk->cache_candidates.count; i++) {
        bool good;
        struct error *error = read_cache(c, c->walk->cache_candidates.items[i], &good);
        if (error)
            return error;
        *weight += good ? c->chunks.count + 1 : 0;
    }
    return NULL;
}

struct error *glibc_walk_choose(struct glibc_walk *walk)
{
    struct cache_walk c = {.walk = walk, .count_max = listed_max(walk)};
    struct error *error = NULL;
    uint64_t most = 0;
    for (size_t i = 0; i < walk->books->layout_count && walk->books->layout_count > 1 && !error; i++) {
        uint64_t weight;
        c.layout = walk->books->layouts[i];
        error = weigh(&c, &weight);
        if (!error && weight > most) {
            most = weight;
            walk->layout = c.layout;
        }
    }
    ARRAY_FREE(&c.chunks);
    return error;
}

static void count_cached(struct glibc_walk *walk, const struct chunk *chunk)
{
    const struct glibc_stretch *stretch = glibc_stretch_at(walk, chunk->range.start);
    if (!stretch || !chunk_map_free_chunk(&walk->heap->chunks, chunk->range.start)) {
        walk->misfits++;
        return;
    }
    struct glibc_arena *arena = &walk->heap->arenas[stretch->arena];
    arena->cached.count++;
    arena->cached.bytes += range_bytes(chunk->range);
}

struct error *glibc_walk_caches(struct glibc_walk *walk)
{
    struct cache_walk c = {.walk = walk, .layout = walk->layout, .count_max = listed_max(walk)};
    struct error *error = NULL;
    walk->needs_cache = c.count_max > 0 && !walk->layout->cache.comes_late;
    for (size_t i = 0; i < walk->cache_candidates.count && !error; i++) {
        bool good;
        error = read_cache(&c, walk->cache_candidates.items[i], &good);
        walk->caches += !error && good;
        for (size_t j = 0; j < c.chunks.count && !error && good; j++)
            count_cached(walk, &c.chunks.items[j]);
    }
    ARRAY_FREE(&c.chunks);
    return error;
}
