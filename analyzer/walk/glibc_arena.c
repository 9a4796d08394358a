/*
 * Owns the way through an arena's memory, from chunk to chunk. A chunk carries its own size and whether the one before
 * is in use; a free one repeats its size at its end. So a stretch that is walked from its start to its end proves
 * itself. Fenceposts end a stretch that is not an arena's newest.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/range_search.h"
#include "base/size.h"
#include "walk/glibc_arena.h"

enum { CACHE_LINE_BYTES = 64, AHEAD_BYTES = 2048 };

struct error *glibc_arena_damage(const struct arena_walk *a, address_t at, const char *what)
{
    return error_new(ERROR_NOT_UNDERSTOOD, "malloc's arena at 0x%" PRIx64 ": %s at 0x%" PRIx64, a->state.value, what,
        at.value);
}

static bool can_be_cache(const struct glibc_books *books, uint64_t bytes)
{
    for (size_t i = 0; i < books->layout_count; i++)
        if (bytes == books->layouts[i]->cache.chunk_bytes)
            return true;
    return false;
}

static bool add_chunk(struct arena_walk *a, struct chunk_region *region, address_t at, uint64_t bytes, bool used)
{
    chunk_region_add(region, at, used);
    if (!used) {
        a->binned.count++;
        a->binned.bytes += bytes;
    } else if (can_be_cache(a->walk->books, bytes)) {
        address_t *candidate = ARRAY_ADD(&a->walk->cache_candidates);
        if (!candidate)
            return false;
        *candidate = at;
    }
    return true;
}

/* The chunk before the one at `at` with that head. */
struct previous_chunk {
    uint64_t at, head, bytes;
};

static bool end_previous(struct arena_walk *a, struct chunk_region *region, const struct previous_chunk *previous,
    const unsigned char *next)
{
    struct glibc_walk *walk = a->walk;
    bool used = field_u64(next, GLIBC_CHUNK_HEAD) & GLIBC_CHUNK_PREVIOUS_USED;
    if (!used && field_u64(next, GLIBC_CHUNK_FOOT) != previous->bytes)
        walk->foot_errors++;
    if (used && (previous->head & GLIBC_CHUNK_NOT_MAIN) != a->not_main)
        walk->flag_errors++;
    return add_chunk(a, region, address(previous->at), previous->bytes, used);
}

/*
 * A heap's last 32 or 48 bytes as one chunk, too small to be given out: such a fencepost has not the flag that all
 * used chunks of its arena have.
 */
static bool is_joined_fencepost(const struct arena_walk *a, const struct previous_chunk *previous, uint64_t next_head)
{
    return a->not_main && next_head == GLIBC_CHUNK_PREVIOUS_USED
        && previous->head == (GLIBC_CHUNK_MINIMUM | GLIBC_CHUNK_PREVIOUS_USED);
}

static const char *why_absent(const struct glibc_walk *walk, address_t at)
{
    struct address_range head = {at, address_add(at, GLIBC_CHUNK_BLOCK)};
    bool swapped = presence_state_bytes(&walk->capture->presence, head, PAGE_SWAPPED) != 0;
    return swapped ? "a chunk that is in swap," : "no chunk in memory";
}

/*
 * Where the next chunk is depends on this one's size, so the processor can't look ahead by itself: waiting for memory
 * would take most of the walk.
 */
static void fetch_ahead(const unsigned char *chunk, uint64_t bytes)
{
    for (uint64_t at = 0; at < size_min(bytes, AHEAD_BYTES); at += CACHE_LINE_BYTES)
        __builtin_prefetch(chunk + AHEAD_BYTES + at);
}

/*
 * Go from chunk to chunk, from the start of `range` to the arena's top or to what is too small for a chunk. `end` is
 * where the last chunk ends.
 */
static struct error *walk_chunks(struct arena_walk *a, struct chunk_region *region, struct address_range range,
    address_t *end)
{
    struct previous_chunk previous = {0};
    for (uint64_t at = range.start.value; at < range.end.value;) {
        const unsigned char *chunk = view_bytes(&a->walk->view, address(at), GLIBC_CHUNK_BLOCK);
        if (!chunk)
            return glibc_arena_damage(a, address(at), why_absent(a->walk, address(at)));
        uint64_t head = field_u64(chunk, GLIBC_CHUNK_HEAD), bytes = head & ~(uint64_t)GLIBC_CHUNK_FLAGS;
        *end = address(at);
        if (!previous.bytes) {
            a->walk->flag_errors += !(head & GLIBC_CHUNK_PREVIOUS_USED);
        } else if (is_joined_fencepost(a, &previous, head)) {
            *end = address(previous.at);
            return NULL;
        } else if (!end_previous(a, region, &previous, chunk)) {
            return error_no_memory();
        }
        if (at == a->top.value || bytes < GLIBC_CHUNK_MINIMUM)
            return NULL;
        if (bytes > range.end.value - at || head & GLIBC_CHUNK_IMPOSSIBLE)
            return glibc_arena_damage(a, address(at), "a chunk of impossible size");
        fetch_ahead(chunk, bytes);
        previous = (struct previous_chunk){at, head, bytes};
        at += bytes;
    }
    return glibc_arena_damage(a, range.end, "no end of its chunks");
}

/* The top is a chunk, too, and free. `end` is where it starts, and then where it ends. */
static struct error *end_at_top(struct arena_walk *a, struct chunk_region *region, struct address_range range,
    address_t *end)
{
    uint64_t head;
    if (!view_u64(&a->walk->view, address_add(a->top, GLIBC_CHUNK_HEAD), &head))
        return glibc_arena_damage(a, a->top, "no top in memory");
    uint64_t bytes = head & ~(uint64_t)GLIBC_CHUNK_FLAGS;
    if (bytes > range.end.value - a->top.value)
        return glibc_arena_damage(a, a->top, "a top of impossible size");
    if (bytes)
        chunk_region_add(region, a->top, false);
    a->walk->heap->arenas[a->index].top_bytes = bytes;
    a->met_top = true;
    *end = address_add(a->top, bytes);
    return NULL;
}

struct error *glibc_walk_stretch(struct arena_walk *a, struct address_range range, struct address_range *chunks)
{
    struct chunk_region *region;
    struct error *error = chunk_map_add_region(&a->walk->heap->chunks, range, &region);
    if (error)
        return error;
    address_t end = range.start;
    error = walk_chunks(a, region, range, &end);
    if (!error && address_equal(end, a->top))
        error = end_at_top(a, region, range, &end);
    if (error)
        return error;
    region->range.end = end;
    *chunks = (struct address_range){range.start, end};
    return NULL;
}

struct error *glibc_add_stretch(struct arena_walk *a, struct address_range range, struct address_range chunks)
{
    struct glibc_stretch *stretch = ARRAY_ADD(&a->walk->stretches);
    if (!stretch)
        return error_no_memory();
    *stretch = (struct glibc_stretch){range, chunks, a->index};
    a->walk->held_bytes += range_bytes(range);
    if (a->walk->held_bytes > a->walk->mapped_bytes)
        return glibc_arena_damage(a, range.start, "a stretch that was met before");
    a->walk->heap->arenas[a->index].heaps++;
    return NULL;
}

address_t glibc_memory_end(const struct glibc_walk *walk, address_t at)
{
    const struct mappings *mappings = &walk->capture->mappings;
    size_t i = FIRST_ENDING_BEHIND(mappings->items, mappings->count, at);
    address_t end = at;
    for (; i < mappings->count; i++) {
        const struct mapping *mapping = &mappings->items[i];
        if (mapping->range.start.value > end.value || !glibc_may_have(mapping))
            break;
        end = mapping->range.end;
    }
    return end;
}

static bool read_state(struct arena_walk *a, struct glibc_arena *arena)
{
    struct memory_view *view = &a->walk->view;
    address_t bins = address_add(a->state, a->walk->layout->bins);
    arena->address = a->state;
    a->top = glibc_top(a->walk, a->index);
    return view_u64(view, address_add(bins, GLIBC_BINS_THREADS), &arena->threads)
        && view_u64(view, address_add(bins, GLIBC_BINS_SYSTEM_BYTES), &arena->system_bytes);
}

static bool is_locked(const struct arena_walk *a)
{
    uint32_t lock;
    return view_u32(&a->walk->view, a->state, &lock) && lock;
}

static struct error *walk_arena(struct glibc_walk *walk, size_t index, struct glibc_arena *arena)
{
    struct arena_walk a = {
        .walk = walk,
        .state = walk->books->items[index],
        .index = index,
        .not_main = arena->is_main ? 0 : GLIBC_CHUNK_NOT_MAIN,
    };
    if (!read_state(&a, arena))
        return glibc_arena_damage(&a, a.state, "no state in memory");
    if (!arena->system_bytes)
        return NULL;
    walk->locked_arenas += is_locked(&a);
    struct error *error = arena->is_main ? glibc_walk_main_arena(&a) : glibc_walk_thread_arena(&a);
    if (!error && !a.met_top)
        error = glibc_arena_damage(&a, a.top, "no way to its top");
    arena->binned = a.binned;
    if (a.has_gaps)
        walk->uncertain_bytes += a.gap_bytes;
    return error;
}

static int compare_stretches(const void *a, const void *b)
{
    const struct glibc_stretch *left = a, *right = b;
    uint64_t left_start = left->chunks.start.value, right_start = right->chunks.start.value;
    return (left_start > right_start) - (left_start < right_start);
}

/* Put stretches and the chunk map in order: from here on they stand side by side. */
static struct error *seal(struct glibc_walk *walk)
{
    size_t count = walk->stretches.count;
    const struct glibc_stretch *items = walk->stretches.items;
    if (count)
        qsort(walk->stretches.items, count, sizeof(*items), compare_stretches);
    for (size_t i = 1; i < count; i++)
        if (items[i].range.start.value < items[i - 1].range.end.value)
            return error_new(ERROR_NOT_UNDERSTOOD, "malloc heap: two stretches overlap at 0x%" PRIx64,
                items[i].range.start.value);
    return chunk_map_seal(&walk->heap->chunks);
}

static uint64_t mapped_bytes(const struct mappings *mappings)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < mappings->count; i++)
        bytes += range_bytes(mappings->items[i].range);
    return bytes;
}

struct error *glibc_walk_arenas(struct glibc_walk *walk)
{
    struct glibc_heap *heap = walk->heap;
    heap->arenas = calloc(walk->books->count + 1, sizeof(*heap->arenas));
    if (!heap->arenas)
        return error_no_memory();
    walk->mapped_bytes = mapped_bytes(&walk->capture->mappings);
    for (size_t i = 0; i < walk->books->count; i++) {
        heap->arenas[i].is_main = i == 0;
        heap->arena_count++;
        struct error *error = walk_arena(walk, i, &heap->arenas[i]);
        if (error)
            return error;
    }
    return seal(walk);
}

const struct glibc_stretch *glibc_stretch_at(const struct glibc_walk *walk, address_t at)
{
    return RANGE_HOLDING(walk->stretches.items, walk->stretches.count, at);
}

address_t glibc_top(const struct glibc_walk *walk, size_t arena)
{
    struct memory_view view = view_of(walk->capture);
    address_t bins = address_add(walk->books->items[arena], walk->layout->bins);
    address_t top = ADDRESS_NONE;
    view_u64(&view, address_subtract(bins, GLIBC_TOP_BEFORE_BINS), &top.value);
    return top;
}
