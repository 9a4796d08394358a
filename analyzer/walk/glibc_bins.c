/*
 * Owns the lists of free chunks in an arena. A chunk is free by its neighbour's flag if and only if it is in a bin,
 * which is how a walk through memory and the lists prove each other. What fastbins hold looks used.
 *
 * The lists are not followed: from chunk to chunk all over memory, that would take longer than everything else. Instead
 * each free chunk and each bin, in the order of memory, must be what its successor names as predecessor, and the
 * successor must be one of them, too. Then all free chunks are in closed lists, and nothing else is.
 */
#include "walk/glibc_walk.h"

enum { WORD_BITS = 64, BATCH_CHUNKS = 64 };

/* One arena's lists. */
struct bins_walk {
    struct glibc_walk *walk;
    size_t arena;
    struct address_range heads; /* of its bins, each as a chunk */
    struct memory_view links, successors;
    const struct glibc_stretch *near;
};

static bool is_bit_set(const uint64_t *bits, uint64_t bit)
{
    return bits[bit / WORD_BITS] >> bit % WORD_BITS & 1;
}

/* A free chunk of the arena, or one of its bins. */
static bool is_link(struct bins_walk *b, address_t at)
{
    if (range_holds(b->heads, at, GLIBC_BIN_BYTES))
        return (at.value - b->heads.start.value) % GLIBC_BIN_BYTES == 0;
    if (!b->near || !range_holds(b->near->chunks, at, GLIBC_CHUNK_MINIMUM))
        b->near = glibc_stretch_at(b->walk, at);
    if (!b->near || b->near->arena != b->arena || at.value % CHUNK_ALIGNMENT
        || !range_holds(b->near->chunks, at, GLIBC_CHUNK_MINIMUM))
        return false;
    const struct chunk_region *region = &b->walk->heap->chunks.items[b->near - b->walk->stretches.items];
    uint64_t granule = (at.value - region->range.start.value) / CHUNK_ALIGNMENT;
    return is_bit_set(region->starts, granule) && !is_bit_set(region->used, granule);
}

/*
 * Some chunks on their way through a check. Memory is asked for their links, and then for their successors, long before
 * it is looked at.
 */
struct batch {
    address_t at[BATCH_CHUNKS];
    const void *links[BATCH_CHUNKS]; /* NULL: not in memory */
    unsigned count;
};

static void add_to_batch(struct bins_walk *b, struct batch *batch, address_t at)
{
    const void *links = view_bytes(&b->links, address_add(at, GLIBC_CHUNK_NEXT), sizeof(uint64_t));
    __builtin_prefetch(links);
    batch->at[batch->count] = at;
    batch->links[batch->count++] = links;
}

/* How many name as their successor one that names them as the one before. */
static unsigned count_linked(struct bins_walk *b, struct batch *batch)
{
    address_t next[BATCH_CHUNKS];
    const void *back[BATCH_CHUNKS];
    unsigned linked = 0;
    for (unsigned i = 0; i < batch->count; i++) {
        next[i] = batch->links[i] ? address(field_u64(batch->links[i], 0)) : ADDRESS_NONE;
        back[i] = view_bytes(&b->successors, address_add(next[i], GLIBC_CHUNK_PREVIOUS), sizeof(uint64_t));
        __builtin_prefetch(back[i]);
    }
    for (unsigned i = 0; i < batch->count; i++)
        linked += back[i] && field_u64(back[i], 0) == batch->at[i].value && is_link(b, next[i]);
    batch->count = 0;
    return linked;
}

/* All free chunks of a stretch but the arena's top. */
static void check_chunks(struct bins_walk *b, const struct chunk_region *region)
{
    uint64_t words = range_bytes(region->range) / CHUNK_ALIGNMENT / WORD_BITS + 1;
    address_t top = glibc_top(b->walk, b->arena);
    struct batch batch = {.count = 0};
    for (uint64_t word = 0; word < words; word++) {
        for (uint64_t left = region->starts[word] & ~region->used[word]; left; left &= left - 1) {
            uint64_t granule = word * WORD_BITS + (uint64_t)__builtin_ctzll(left);
            address_t at = address(region->range.start.value + granule * CHUNK_ALIGNMENT);
            if (!address_equal(at, top))
                add_to_batch(b, &batch, at);
            if (batch.count == BATCH_CHUNKS)
                b->walk->linked_chunks += count_linked(b, &batch);
        }
    }
    b->walk->linked_chunks += count_linked(b, &batch);
}

static void check_bins(struct bins_walk *b)
{
    struct batch batch = {.count = 0};
    for (unsigned i = 0; i < GLIBC_BINS; i++) {
        add_to_batch(b, &batch, address_add(b->heads.start, i * GLIBC_BIN_BYTES));
        b->walk->misfits += !count_linked(b, &batch);
    }
}

/* A chunk that looks used and has the list's size; nothing else can be in a fastbin. */
static bool is_fast(const struct bins_walk *b, address_t at, uint64_t bytes)
{
    struct chunk chunk;
    const struct glibc_stretch *stretch = glibc_stretch_at(b->walk, at);
    return stretch && stretch->arena == b->arena && chunk_map_at(&b->walk->heap->chunks, at, &chunk)
        && chunk.used && range_bytes(chunk.range) == bytes;
}

static void walk_fastbin(struct bins_walk *b, uint64_t at, uint64_t bytes)
{
    struct glibc_walk *walk = b->walk;
    struct glibc_arena *arena = &walk->heap->arenas[b->arena];
    while (at) {
        uint64_t stored;
        if (!is_fast(b, address(at), bytes)
            || !view_u64(&b->links, address_add(address(at), GLIBC_CHUNK_NEXT), &stored)) {
            walk->misfits++;
            return;
        }
        chunk_map_free_chunk(&walk->heap->chunks, address(at));
        arena->fast.count++;
        arena->fast.bytes += bytes;
        at = glibc_link(walk->layout, at + GLIBC_CHUNK_NEXT, stored);
    }
}

static void walk_fastbins(struct bins_walk *b)
{
    address_t lists = address_add(b->walk->books->items[b->arena], b->walk->layout->fastbins);
    for (unsigned i = 0; i < GLIBC_FASTBINS; i++) {
        uint64_t first;
        if (view_u64(&b->links, address_add(lists, i * sizeof(first)), &first))
            walk_fastbin(b, first, GLIBC_CHUNK_MINIMUM + i * GLIBC_FASTBIN_STEP);
        else
            b->walk->misfits++;
    }
}

/* Bins before fastbins: what is taken out of those is free in the chunk map from then on, but in no bin. */
static void walk_arena_bins(struct glibc_walk *walk, size_t arena)
{
    struct bins_walk b = {
        .walk = walk,
        .arena = arena,
        .links = view_of(walk->capture),
        .successors = view_of(walk->capture),
    };
    b.heads.start = address_subtract(address_add(walk->books->items[arena], walk->layout->bins), GLIBC_BIN_CHUNK);
    b.heads.end = address_add(b.heads.start, GLIBC_BINS * GLIBC_BIN_BYTES);
    check_bins(&b);
    for (size_t i = 0; i < walk->stretches.count; i++)
        if (walk->stretches.items[i].arena == arena)
            check_chunks(&b, &walk->heap->chunks.items[i]);
    if (walk->layout->fastbins)
        walk_fastbins(&b);
}

void glibc_walk_bins(struct glibc_walk *walk)
{
    for (size_t arena = 0; arena < walk->heap->arena_count; arena++)
        walk_arena_bins(walk, arena);
}
