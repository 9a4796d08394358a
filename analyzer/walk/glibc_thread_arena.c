/*
 * Owns the way through an arena that is not the main one: its heaps, from the newest, which holds the top, to the
 * first, which holds the arena's own state. Each names the one before.
 */
#include "base/size.h"
#include "walk/glibc_arena.h"

enum { HEAPS_MAX = 1 << 20 };

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
    return address_equal(heap->arena, a->state) && range_bytes(heap->range) % a->walk->page_bytes == 0
        && heap->range.end.value <= glibc_memory_end(a->walk, at).value;
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

struct error *glibc_walk_thread_arena(struct arena_walk *a)
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
