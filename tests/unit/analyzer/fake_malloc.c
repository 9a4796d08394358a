#include "fake_malloc.h"

#include <stdlib.h>
#include <string.h>

#include "walk/glibc_heap.h"

enum { DATA_BYTES = 8192, ARENA_AT = 0x100, PARAMETERS_AT = 0x1800, WORD_BYTES = 8, HEAP_ALIGNMENT = 64 << 20 };

static const uint64_t DATA = 0x7f0000010000, BRK = 0x555500000000, OLDER = 0x7f1000000000,
                      NEWER = OLDER + HEAP_ALIGNMENT, MAPPED = 0x7f2000000000;

unsigned char *fake_malloc_at(struct fake_malloc *made, uint64_t at)
{
    for (size_t i = 0; i < made->fake.capture.piece_count; i++) {
        const struct capture_piece *piece = &made->fake.pieces[i];
        if (range_holds(piece->range, address(at), WORD_BYTES))
            return (unsigned char *)(uintptr_t)piece->data + (at - piece->range.start.value);
    }
    abort();
}

static void put(struct fake_malloc *made, uint64_t at, uint64_t value)
{
    put_u64(fake_malloc_at(made, at), value);
}

static void put_half(struct fake_malloc *made, uint64_t at, uint32_t value)
{
    put_u32(fake_malloc_at(made, at & ~7ull) + (at & 7), value);
}

static void put_link(struct fake_malloc *made, uint64_t at, uint64_t next)
{
    put(made, at, made->layout->links_hidden ? next ^ at >> 12 : next);
}

static void make_arena(struct fake_malloc *made, uint64_t arena, uint64_t top, uint64_t next, uint64_t system_bytes)
{
    uint64_t bins = arena + made->layout->bins;
    put(made, bins - GLIBC_TOP_BEFORE_BINS, top);
    for (unsigned i = 0; i < GLIBC_BINS; i++) {
        uint64_t links = bins + i * GLIBC_BIN_BYTES;
        put(made, links, links - GLIBC_BIN_CHUNK);
        put(made, links + WORD_BYTES, links - GLIBC_BIN_CHUNK);
    }
    put(made, bins + GLIBC_BINS_NEXT_ARENA, next);
    put(made, bins + GLIBC_BINS_THREADS, 1);
    put(made, bins + GLIBC_BINS_SYSTEM_BYTES, system_bytes);
    put(made, bins + GLIBC_BINS_MOST_SYSTEM_BYTES, system_bytes);
}

static void make_parameters(struct fake_malloc *made)
{
    const struct glibc_parameters_layout *layout = &made->layout->parameters;
    made->parameters = DATA + PARAMETERS_AT;
    put(made, made->parameters, BRK);
    put(made, made->parameters + GLIBC_PARAMETERS_CACHE_BINS, 64);
    put(made, made->parameters + GLIBC_PARAMETERS_CACHE_BYTES, 1032);
    put(made, made->parameters + GLIBC_PARAMETERS_CACHE_COUNT, 7);
    put(made, made->parameters + (uint64_t)(int64_t)GLIBC_PARAMETERS_MAPPED_BYTES, FAKE_MAPPED_BYTES);
    put(made, made->parameters + (uint64_t)(int64_t)GLIBC_PARAMETERS_MOST_MAPPED_BYTES, FAKE_MAPPED_BYTES);
    put_half(made, made->parameters + (uint64_t)(int64_t)layout->mmap_count, 1);
    put_half(made, made->parameters + (uint64_t)(int64_t)layout->most_mmap_count, 1);
    put_half(made, made->parameters + (uint64_t)(int64_t)layout->mmap_count_max, 65536);
}

/* A chunk behind the last one, whose place is `at`. Its own place is returned. */
static uint64_t add_chunk(struct fake_malloc *made, uint64_t *at, uint64_t bytes, uint64_t flags)
{
    uint64_t chunk = *at;
    put(made, chunk + GLIBC_CHUNK_HEAD, bytes | flags);
    *at += bytes;
    return chunk;
}

static void make_cache(struct fake_malloc *made)
{
    const struct glibc_cache_layout *layout = &made->layout->cache;
    uint64_t block = made->cache + GLIBC_CHUNK_BLOCK;
    unsigned char *counts = fake_malloc_at(made, block);
    for (unsigned i = 0; i < layout->bins; i++)
        counts[i * layout->count_bytes] = layout->counts_free ? 7 : 0;
    counts[0] = layout->counts_free ? 5 : 2;
    put(made, block + layout->entries, made->cached[0] + GLIBC_CHUNK_BLOCK);
    put_link(made, made->cached[0] + GLIBC_CHUNK_BLOCK, made->cached[1] + GLIBC_CHUNK_BLOCK);
    put_link(made, made->cached[1] + GLIBC_CHUNK_BLOCK, 0);
}

static void make_lists(struct fake_malloc *made)
{
    uint64_t unsorted = made->main_arena + made->layout->bins;
    put(made, unsorted, made->free_chunk);
    put(made, unsorted + WORD_BYTES, made->free_chunk);
    put(made, made->free_chunk + GLIBC_CHUNK_NEXT, unsorted - GLIBC_BIN_CHUNK);
    put(made, made->free_chunk + GLIBC_CHUNK_PREVIOUS, unsorted - GLIBC_BIN_CHUNK);
    put(made, made->last + GLIBC_CHUNK_FOOT, FAKE_FREE_BYTES);
    if (made->layout->fastbins) {
        uint64_t list = (FAKE_FAST_BYTES - GLIBC_CHUNK_MINIMUM) / GLIBC_FASTBIN_STEP * WORD_BYTES;
        put(made, made->main_arena + made->layout->fastbins + list, made->fast[0]);
        put_link(made, made->fast[0] + GLIBC_CHUNK_NEXT, made->fast[1]);
        put_link(made, made->fast[1] + GLIBC_CHUNK_NEXT, 0);
    }
}

static void make_main(struct fake_malloc *made)
{
    uint64_t at = BRK;
    made->main_arena = DATA + ARENA_AT;
    made->cache = add_chunk(made, &at, made->layout->cache.chunk_bytes, GLIBC_CHUNK_PREVIOUS_USED);
    add_chunk(made, &at, FAKE_USED_BYTES, GLIBC_CHUNK_PREVIOUS_USED);
    for (unsigned i = 0; i < 2; i++) {
        made->cached[i] = add_chunk(made, &at, FAKE_CACHED_BYTES, GLIBC_CHUNK_PREVIOUS_USED);
        made->fast[i] = add_chunk(made, &at, FAKE_FAST_BYTES, GLIBC_CHUNK_PREVIOUS_USED);
    }
    made->free_chunk = add_chunk(made, &at, FAKE_FREE_BYTES, GLIBC_CHUNK_PREVIOUS_USED);
    made->last = add_chunk(made, &at, FAKE_LAST_BYTES, 0);
    made->top = add_chunk(made, &at, BRK + FAKE_HEAP_BYTES - at, GLIBC_CHUNK_PREVIOUS_USED);
    make_arena(made, made->main_arena, made->top, made->other_arena, FAKE_HEAP_BYTES);
    make_cache(made);
    make_lists(made);
}

static void make_heap(struct fake_malloc *made, uint64_t heap, uint64_t previous)
{
    put(made, heap + GLIBC_HEAP_ARENA, made->other_arena);
    put(made, heap + GLIBC_HEAP_PREVIOUS, previous);
    put(made, heap + GLIBC_HEAP_SIZE, FAKE_OTHER_HEAP_BYTES);
}

static void make_other(struct fake_malloc *made)
{
    const uint64_t flags = GLIBC_CHUNK_PREVIOUS_USED | GLIBC_CHUNK_NOT_MAIN;
    uint64_t at = (made->other_arena + made->layout->bins + GLIBC_BINS_END + 15) & ~15ull;
    make_heap(made, OLDER, 0);
    made->other_used = add_chunk(made, &at, OLDER + FAKE_OTHER_HEAP_BYTES - 2 * GLIBC_FENCEPOST - at, flags);
    made->other_fence = add_chunk(made, &at, GLIBC_FENCEPOST, GLIBC_CHUNK_PREVIOUS_USED);
    add_chunk(made, &at, 0, GLIBC_CHUNK_PREVIOUS_USED);
    make_heap(made, NEWER, OLDER);
    at = NEWER + made->layout->heap_bytes;
    made->newer_used = add_chunk(made, &at, FAKE_USED_BYTES, flags);
    made->newer_top = add_chunk(made, &at, NEWER + FAKE_OTHER_HEAP_BYTES - at, GLIBC_CHUNK_PREVIOUS_USED);
    make_arena(made, made->other_arena, made->newer_top, DATA + ARENA_AT, 2 * FAKE_OTHER_HEAP_BYTES);
}

void fake_malloc_build(struct fake_malloc *made, const struct glibc_malloc_layout *layout)
{
    memset(made, 0, sizeof(*made));
    made->layout = layout;
    fake_capture_start(&made->fake);
    made->brk = fake_capture_map(&made->fake, BRK, FAKE_HEAP_BYTES);
    made->data = fake_capture_map(&made->fake, DATA, DATA_BYTES);
    made->fake.capture.mappings.items[1].path = strdup("/usr/lib/libc.so.6");
    made->older = fake_capture_map(&made->fake, OLDER, FAKE_OTHER_HEAP_BYTES);
    made->newer = fake_capture_map(&made->fake, NEWER, FAKE_OTHER_HEAP_BYTES);
    made->mapped = fake_capture_map(&made->fake, MAPPED, 2 * FAKE_MAPPED_BYTES);
    made->other_arena = OLDER + layout->heap_bytes;
    make_other(made);
    make_main(made);
    make_parameters(made);
    put(made, MAPPED + GLIBC_CHUNK_HEAD, (FAKE_MAPPED_BYTES - layout->mapped_tail) | GLIBC_CHUNK_MAPPED);
}

void fake_malloc_walk(struct fake_malloc *made)
{
    struct error *error = glibc_heap_walk(&made->fake.capture, &made->heap);
    if (error)
        abort();
}

void fake_malloc_free(struct fake_malloc *made)
{
    glibc_heap_release(&made->heap);
    fake_capture_free(&made->fake);
}
