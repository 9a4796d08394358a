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

enum { HEAPS_MAX = 1 << 20, CACHE_LINE_BYTES = 64, AHEAD_BYTES = 2048 };

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
            return glibc_arena_damage(a, address(at), "no chunk in memory");
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

struct heap_header {
    struct address_range range;
    address_t arena, previous;
};

static bool read_heap_header(const struct arena_walk *a, address_t at, struct heap_header *heap)
{
    const void *bytes = view_bytes(&a->walk->view, at, a->walk->layout->heap_bytes);
    if (!bytes)
        return false;
    heap->range = (struct address_range){at, address_add(at, field_u64(bytes, GLIBC_HEAP_SIZE))};
    heap->arena = address(field_u64(bytes, GLIBC_HEAP_ARENA));
    heap->previous = address(field_u64(bytes, GLIBC_HEAP_PREVIOUS));
    return address_equal(heap->arena, a->state) && heap->range.end.value != UINT64_MAX
        && range_bytes(heap->range) % a->walk->page_bytes == 0;
}

static struct error *walk_heap(struct arena_walk *a, const struct heap_header *heap)
{
    const struct glibc_malloc_layout *layout = a->walk->layout;
    uint64_t header = layout->heap_bytes;
    if (address_equal(address_add(heap->range.start, header), a->state))
        header += layout->bins + GLIBC_BINS_END;
    address_t first = address(round_up(heap->range.start.value + header, GLIBC_CHUNK_BLOCK));
    if (first.value >= heap->range.end.value)
        return glibc_arena_damage(a, heap->range.start, "a heap of impossible size");
    bool had_top = a->met_top;
    struct address_range chunks;
    struct error *error = glibc_walk_stretch(a, (struct address_range){first, heap->range.end}, &chunks);
    if (error)
        return error;
    uint64_t left = heap->range.end.value - chunks.end.value;
    bool ends_well = had_top == a->met_top
        ? left == 2 * GLIBC_FENCEPOST || left == 3 * GLIBC_FENCEPOST : left == 0;
    if (!ends_well)
        return glibc_arena_damage(a, chunks.end, "a heap that ends too early");
    return glibc_add_stretch(a, heap->range, chunks);
}

static uint64_t huge_page_bytes(struct glibc_walk *walk)
{
    uint64_t bytes = 0;
    int16_t offset = walk->layout->parameters.huge_page_bytes;
    if (offset)
        view_u64(&walk->view, address(walk->books->parameters.value + (uint64_t)(int64_t)offset), &bytes);
    return bytes;
}

/* The heap that holds the top. Heaps start at multiples of their largest size, which huge pages may make another. */
static bool find_newest_heap(const struct arena_walk *a, struct heap_header *heap)
{
    const uint64_t alignments[] = {GLIBC_HEAP_ALIGNMENT, huge_page_bytes(a->walk) * GLIBC_HEAP_HUGE_PAGES};
    for (unsigned i = 0; i < 2; i++)
        if (is_power_of_two(alignments[i])
            && read_heap_header(a, address(round_down(a->top.value, alignments[i])), heap)
            && range_holds(heap->range, a->top, GLIBC_CHUNK_BLOCK))
            return true;
    return false;
}

/* The newest heap holds the top, and each names the one before. */
static struct error *walk_heaps(struct arena_walk *a)
{
    struct heap_header heap;
    if (!find_newest_heap(a, &heap))
        return glibc_arena_damage(a, a->top, "no heap around its top");
    for (unsigned i = 0; i < HEAPS_MAX; i++) {
        struct error *error = walk_heap(a, &heap);
        if (error || address_is_null(heap.previous))
            return error;
        if (!read_heap_header(a, heap.previous, &heap))
            return glibc_arena_damage(a, heap.previous, "no heap of it");
    }
    return glibc_arena_damage(a, a->top, "no end of its heaps");
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
    struct error *error = arena->is_main ? glibc_walk_main_arena(&a) : walk_heaps(&a);
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
