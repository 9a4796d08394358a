/*
 * Owns the caches of threads. Nothing that can be found without symbols points to a thread's cache, but it is a chunk
 * of known size, full of lists whose chunks must be used, of the list's size, and as many as the cache counts.
 */
#include "base/array.h"
#include "walk/glibc_walk.h"

struct cache_walk {
    struct glibc_walk *walk;
    uint64_t count_max; /* of chunks in a list */
    ARRAY(struct chunk) chunks; /* of the cache that is being read */
};

static uint64_t listed_max(const struct glibc_walk *walk)
{
    struct memory_view view = view_of(walk->capture);
    uint64_t count;
    return view_u64(&view, address_add(walk->books->parameters, GLIBC_PARAMETERS_CACHE_COUNT), &count) ? count : 0;
}

static bool fits(const struct glibc_walk *walk, unsigned bin, uint64_t bytes)
{
    return bytes == GLIBC_CHUNK_MINIMUM + bin * (uint64_t)CHUNK_ALIGNMENT || bin >= walk->layout->cache.bins_by_size;
}

/* One list of a cache. False when it is none: a list holds used chunks of its size, and as many as are counted. */
static struct error *read_list(struct cache_walk *c, unsigned bin, uint64_t block, uint64_t count, bool *good)
{
    struct glibc_walk *walk = c->walk;
    *good = false;
    for (uint64_t i = 0; i < count; i++) {
        struct chunk chunk;
        uint64_t stored;
        if (block < GLIBC_CHUNK_BLOCK || !chunk_map_at(&walk->heap->chunks, address(block - GLIBC_CHUNK_BLOCK), &chunk)
            || !chunk.used || !fits(walk, bin, range_bytes(chunk.range))
            || !view_u64(&walk->view, address(block), &stored))
            return NULL;
        struct chunk *added = ARRAY_ADD(&c->chunks);
        if (!added)
            return error_no_memory();
        *added = chunk;
        block = glibc_link(walk->layout, block, stored);
    }
    *good = block == 0;
    return NULL;
}

static struct error *read_cache(struct cache_walk *c, address_t block, bool *good)
{
    const struct glibc_cache_layout *layout = &c->walk->layout->cache;
    const unsigned char *cache = view_bytes(&c->walk->view, block, layout->entries + layout->bins * 8u);
    c->chunks.count = 0;
    *good = cache != NULL;
    for (unsigned bin = 0; bin < layout->bins && *good; bin++) {
        uint64_t count = field_u16(cache, bin * 2);
        if (layout->counts_free)
            count = c->count_max - count;
        *good = count <= c->count_max;
        if (!*good)
            return NULL;
        struct error *error = read_list(c, bin, field_u64(cache, layout->entries + bin * 8), count, good);
        if (error)
            return error;
    }
    return NULL;
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
    struct cache_walk c = {.walk = walk, .count_max = listed_max(walk)};
    struct error *error = NULL;
    for (size_t i = 0; i < walk->cache_candidates.count && !error; i++) {
        bool good;
        error = read_cache(&c, address_add(walk->cache_candidates.items[i], GLIBC_CHUNK_BLOCK), &good);
        for (size_t j = 0; j < c.chunks.count && !error && good; j++)
            count_cached(walk, &c.chunks.items[j]);
    }
    ARRAY_FREE(&c.chunks);
    return error;
}
