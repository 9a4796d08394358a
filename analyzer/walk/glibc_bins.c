/*
 * Owns the lists of free chunks in an arena. A chunk is free by its neighbour's flag if and only if it is in a bin,
 * which is how a walk through memory and a walk through lists prove each other. What fastbins hold looks used.
 */
#include "walk/glibc_walk.h"

enum { SMALLEST_CHUNK = GLIBC_CHUNK_MINIMUM };

static uint64_t chunk_bytes(uint64_t head)
{
    return head & ~(uint64_t)GLIBC_CHUNK_FLAGS;
}

/* Whether a chunk of that size belongs to the stretches of that arena, and is used or not. */
static bool is_chunk_of(const struct glibc_walk *walk, size_t arena, address_t at, uint64_t bytes, bool used)
{
    struct chunk chunk;
    const struct glibc_stretch *stretch = glibc_stretch_at(walk, at);
    return stretch && stretch->arena == arena && chunk_map_at(&walk->heap->chunks, at, &chunk)
        && chunk.used == used && range_bytes(chunk.range) == bytes;
}

/* One bin, by its links. Stops where they break off, which the sums then show. */
static void walk_bin(struct glibc_walk *walk, size_t arena, address_t bin)
{
    struct glibc_arena *owner = &walk->heap->arenas[arena];
    address_t previous = bin;
    uint64_t next;
    if (!view_u64(&walk->view, address_add(bin, GLIBC_CHUNK_NEXT), &next)) {
        walk->misfits++;
        return;
    }
    while (next != bin.value) {
        const unsigned char *chunk = view_bytes(&walk->view, address(next), GLIBC_CHUNK_MINIMUM);
        if (!chunk || field_u64(chunk, GLIBC_CHUNK_PREVIOUS) != previous.value
            || owner->binned.count == walk->free_chunks
            || !is_chunk_of(walk, arena, address(next), chunk_bytes(field_u64(chunk, GLIBC_CHUNK_HEAD)), false)) {
            walk->misfits++;
            return;
        }
        owner->binned.count++;
        owner->binned.bytes += chunk_bytes(field_u64(chunk, GLIBC_CHUNK_HEAD));
        previous = address(next);
        next = field_u64(chunk, GLIBC_CHUNK_NEXT);
    }
}

static void walk_fastbin(struct glibc_walk *walk, size_t arena, uint64_t at, uint64_t bytes)
{
    struct glibc_arena *owner = &walk->heap->arenas[arena];
    for (; at; ) {
        address_t chunk = address(at);
        uint64_t stored;
        if (!is_chunk_of(walk, arena, chunk, bytes, true)
            || !view_u64(&walk->view, address_add(chunk, GLIBC_CHUNK_NEXT), &stored)) {
            walk->misfits++;
            return;
        }
        chunk_map_free_chunk(&walk->heap->chunks, chunk);
        owner->fast.count++;
        owner->fast.bytes += bytes;
        at = glibc_link(walk->layout, at + GLIBC_CHUNK_NEXT, stored);
    }
}

static void walk_fastbins(struct glibc_walk *walk, size_t arena)
{
    address_t lists = address_add(walk->books->items[arena], walk->layout->fastbins);
    for (unsigned i = 0; i < GLIBC_FASTBINS; i++) {
        uint64_t first;
        if (view_u64(&walk->view, address_add(lists, i * sizeof(first)), &first))
            walk_fastbin(walk, arena, first, SMALLEST_CHUNK + i * GLIBC_FASTBIN_STEP);
        else
            walk->misfits++;
    }
}

struct error *glibc_walk_bins(struct glibc_walk *walk)
{
    for (size_t arena = 0; arena < walk->heap->arena_count; arena++) {
        address_t bins = address_add(walk->books->items[arena], walk->layout->bins);
        for (unsigned i = 0; i < GLIBC_BINS; i++)
            walk_bin(walk, arena, address_subtract(address_add(bins, i * GLIBC_BIN_BYTES), GLIBC_BIN_CHUNK));
        if (walk->layout->fastbins)
            walk_fastbins(walk, arena);
    }
    return NULL;
}
