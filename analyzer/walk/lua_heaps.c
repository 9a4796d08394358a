#include "walk/lua_heaps.h"

#include <stdlib.h>

#include "attachment_image.h"
#include "base/range_search.h"
#include "target/memory_view.h"

static struct error *visit_stock(void *context, address_t object, address_t block, uint64_t bytes)
{
    (void)object;
    return lj_alloc_note_block(&((struct lua_heaps_walk *)context)->stock_walk, block, bytes);
}

static struct error *visit_respire(void *context, address_t object, address_t block, uint64_t bytes)
{
    (void)object;
    return respire_heap_note_block(&((struct lua_heaps_walk *)context)->respire_walk, block, bytes);
}

static int compare_with_range(const void *key, const void *item)
{
    const address_t *at = key;
    const struct address_range *range = item;
    return at->value < range->start.value ? -1 : at->value >= range->end.value;
}

/* As the runtime does it: what is not on its heap is the former allocator's. */
static struct error *visit_both(void *context, address_t object, address_t block, uint64_t bytes)
{
    struct lua_heaps_walk *walk = context;
    const struct address_range *ours = bsearch(&block, walk->respire_ranges, walk->respire_range_count,
        sizeof(*ours), compare_with_range);
    if (ours)
        return visit_respire(context, object, block, bytes);
    return walk->stock ? visit_stock(context, object, block, bytes) : NULL;
}

static const struct respire_attachment_image *recognise_attachment(const struct capture *capture, address_t at)
{
    struct memory_view view = view_of(capture);
    const struct respire_attachment_image *image = view_bytes(&view, at, sizeof(*image));
    bool recognised = image && memcmp(image->magic, RESPIRE_ATTACHMENT_MAGIC, RESPIRE_ATTACHMENT_MAGIC_BYTES) == 0
        && image->self_address == at.value && image->version == RESPIRE_ATTACHMENT_VERSION;
    return recognised ? image : NULL;
}

static struct error *sort_respire_ranges(struct lua_heaps_walk *walk)
{
    const struct heap *heap = &walk->state->heap;
    walk->respire_ranges = calloc(heap->region_count ? heap->region_count : 1, sizeof(*walk->respire_ranges));
    if (!walk->respire_ranges)
        return error_no_memory();
    walk->respire_range_count = heap->region_count;
    for (size_t i = 0; i < heap->region_count; i++)
        walk->respire_ranges[i] = heap->regions[i].range;
    SORT_BY_START(walk->respire_ranges, walk->respire_range_count);
    return NULL;
}

static struct error *walk_one(struct lua_heaps_walk *walk, const struct capture *capture, struct heap *heap)
{
    heap->kind = HEAP_OTHER;
    if (respire_heap_recognise(capture, heap->address)) {
        heap->kind = HEAP_RESPIRE;
        walk->respire = true;
        return respire_heap_walk_blocks(&walk->respire_walk, capture, heap->address, heap, &walk->state->checks);
    }
    if (lj_alloc_recognise(capture, heap->address)) {
        heap->kind = HEAP_STOCK;
        walk->stock = true;
        return lj_alloc_walk_segments(&walk->stock_walk, capture, heap->address, heap, &walk->state->checks);
    }
    return NULL;
}

struct error *lua_heaps_walk(struct lua_heaps_walk *walk, const struct capture *capture, struct lua_state *state)
{
    *walk = (struct lua_heaps_walk){.state = state};
    const struct respire_attachment_image *attachment = recognise_attachment(capture, state->heap.address);
    if (!attachment)
        return walk_one(walk, capture, &state->heap);
    state->taken_over = true;
    state->heap.address = address(attachment->heap_address);
    state->former_heap.address = address(attachment->old_data);
    struct error *error = walk_one(walk, capture, &state->heap);
    if (!error && !walk->respire)
        error = error_new(ERROR_NOT_UNDERSTOOD, "taken over by the runtime, whose heap can't be read");
    if (!error && attachment->old_is_stock)
        error = walk_one(walk, capture, &state->former_heap);
    else if (!error)
        state->former_heap.kind = HEAP_OTHER;
    return error ? error : sort_respire_ranges(walk);
}

lua_block_visitor lua_heaps_visitor(const struct lua_heaps_walk *walk)
{
    if (walk->respire_ranges)
        return visit_both;
    return walk->respire ? visit_respire : walk->stock ? visit_stock : NULL;
}

static void finish_one(struct heap *heap, const struct capture *capture, struct checks *checks, const char *equation)
{
    if (heap->kind == HEAP_OTHER)
        return;
    checks_add(checks, equation, heap->held_bytes, heap->live_bytes + heap->free_bytes + heap->meta_bytes);
    heap_count_reclaimable(heap, capture->page_bytes, &capture->presence);
}

void lua_heaps_finish(const struct lua_heaps_walk *walk, const struct capture *capture)
{
    struct lua_state *state = walk->state;
    if (walk->stock || walk->respire)
        checks_add(&state->checks, "objects that do not fit their place in the heap", 0,
            walk->stock_walk.misfits + walk->respire_walk.misfits);
    finish_one(&state->heap, capture, &state->checks, "live + free + meta = held");
    if (state->taken_over)
        finish_one(&state->former_heap, capture, &state->checks, "live + free + meta = held before the takeover");
}

/* The runtime's heap keeps its books apart from its blocks, so there is no way to it but the walk. */
static struct error *locate_one(const struct capture *capture, struct heap *heap, bool *located)
{
    if (heap->kind == HEAP_STOCK)
        return lj_alloc_locate(capture, heap->address, heap, located);
    *located = heap->kind == HEAP_OTHER;
    return NULL;
}

struct error *lua_heaps_locate(const struct capture *capture, struct lua_state *state)
{
    bool located = false, former_located = !state->taken_over;
    struct error *error = address_is_null(state->heap.address) ? NULL : locate_one(capture, &state->heap, &located);
    if (!error && state->taken_over)
        error = locate_one(capture, &state->former_heap, &former_located);
    state->heap_located = located && former_located;
    return error;
}

void lua_heaps_walk_release(struct lua_heaps_walk *walk)
{
    respire_heap_walk_release(&walk->respire_walk);
    free(walk->respire_ranges);
}
