#include "walk/glibc_heap.h"

#include "base/array.h"
#include "walk/glibc_walk.h"

enum { SMALL_BYTES = 1024 };

static uint64_t mapped_by_parameters(const struct glibc_walk *walk, uint64_t *bytes)
{
    struct memory_view view = view_of(walk->capture);
    address_t base = walk->books->parameters;
    uint32_t count = 0;
    *bytes = 0;
    view_u32(&view, address(base.value + (uint64_t)(int64_t)walk->layout->parameters.mmap_count), &count);
    view_u64(&view, address(base.value + (uint64_t)(int64_t)GLIBC_PARAMETERS_MAPPED_BYTES), bytes);
    return count;
}

/* Where a mapping is larger than the chunk in it, realloc() counts the difference again whenever it resizes one. */
static uint64_t miscounted(const struct glibc_walk *walk, uint64_t mapped_bytes)
{
    uint64_t tail = walk->layout->mapped_tail, walked = walk->heap->mapped.bytes;
    return tail && mapped_bytes >= walked && (mapped_bytes - walked) % tail == 0 ? mapped_bytes - walked : 0;
}

static bool has_small_blocks(const struct glibc_heap *heap)
{
    return heap->used_sizes.count && heap->used_sizes.items[0].bytes < SMALL_BYTES;
}

static void add_checks(struct glibc_walk *walk)
{
    struct glibc_heap *heap = walk->heap;
    struct checks *checks = &heap->checks;
    /* A thread that holds an arena's lock may just move a chunk, which then is free here and used there. */
    uint64_t system_bytes = 0, free_chunks = 0, moved = walk->locked_arenas;
    for (size_t i = 0; i < heap->arena_count; i++) {
        system_bytes += heap->arenas[i].system_bytes;
        free_chunks += heap->arenas[i].binned.count;
    }
    uint64_t mapped_bytes, mapped = mapped_by_parameters(walk, &mapped_bytes);
    checks_add_within(checks, "malloc: heaps walked = system memory", system_bytes, walk->held_bytes,
        walk->uncertain_bytes);
    checks_add_within(checks, "malloc: chunks that contradict the chunk before", 0, walk->flag_errors, moved);
    checks_add_within(checks, "malloc: free chunks that contradict their end", 0, walk->foot_errors, moved);
    checks_add_within(checks, "malloc: free chunks in bins", free_chunks, walk->linked_chunks, 2 * moved);
    checks_add_within(checks, "malloc: chunks that their list can't hold", 0, walk->misfits, moved);
    if (walk->needs_cache && has_small_blocks(heap))
        checks_add(checks, "malloc: some thread has a cache", 1, walk->caches > 0);
    checks_add(checks, "malloc: mapped blocks", mapped, heap->mapped.count);
    checks_add_within(checks, "malloc: bytes of mapped blocks", mapped_bytes, heap->mapped.bytes,
        miscounted(walk, mapped_bytes));
}

static struct error *walk_parts(struct glibc_walk *walk)
{
    struct error *error = glibc_walk_arenas(walk);
    if (!error)
        error = glibc_walk_choose(walk);
    if (error)
        return error;
    glibc_walk_bins(walk);
    glibc_walk_trim(walk);
    error = glibc_walk_caches(walk);
    if (!error)
        error = glibc_walk_mapped(walk);
    if (!error)
        error = glibc_walk_account(walk);
    if (error)
        return error;
    add_checks(walk);
    return checks_error(&walk->heap->checks);
}

struct error *glibc_heap_walk(const struct capture *capture, struct glibc_heap *heap)
{
    struct glibc_books books;
    struct error *error = locate_glibc_books(capture, &books);
    if (!error && books.layout_count) {
        struct glibc_walk walk = {
            .capture = capture,
            .view = view_of(capture),
            .books = &books,
            .layout = books.layouts[0],
            .page_bytes = capture->page_bytes,
            .heap = heap,
        };
        error = walk_parts(&walk);
        heap->layout = walk.layout->name;
        ARRAY_FREE(&walk.stretches);
        ARRAY_FREE(&walk.cache_candidates);
    }
    glibc_books_free(&books);
    if (error && error_kind(error) == ERROR_FAILED)
        return error;
    heap->damage = error;
    return NULL;
}
