#include "walk/lua_state.h"

#include <inttypes.h>

#include "target/memory_view.h"
#include "walk/lj_alloc.h"
#include "walk/lua_code_areas.h"
#include "walk/lua_objects.h"
#include "walk/respire_heap.h"

/* A heap that is walked in two steps: its own books first, then every block of the collector against them. */
struct heap_walk {
    enum heap_kind kind;
    struct lj_alloc_walk stock;
    struct respire_heap_walk respire;
};

static struct error *visit_stock(void *context, address_t block, uint64_t bytes)
{
    return lj_alloc_note_block(&((struct heap_walk *)context)->stock, block, bytes);
}

static struct error *visit_respire(void *context, address_t block, uint64_t bytes)
{
    return respire_heap_note_block(&((struct heap_walk *)context)->respire, block, bytes);
}

static const char *collector_phase(uint8_t state)
{
    static const char *const phases[] = {"pause", "propagate", "atomic", "sweepstring", "sweep", "finalize"};
    return state < sizeof(phases) / sizeof(phases[0]) ? phases[state] : "unknown";
}

static bool read_collector(const struct capture *capture, const struct lua_site *site, struct lua_state *state)
{
    struct memory_view view = view_of(capture);
    const struct lua_layout *layout = site->layout;
    const unsigned char *global = view_bytes(&view, address_add(site->thread, layout->global.offset),
        layout->global.bytes);
    if (!global)
        return false;
    const unsigned char *gc = global + layout->global.gc;
    state->collector = (struct lua_collector){
        .count_bytes = field_u64(gc, layout->gc.total),
        .threshold_bytes = field_u64(gc, layout->gc.threshold),
        .estimate_bytes = field_u64(gc, layout->gc.estimate),
        .debt_bytes = field_u64(gc, layout->gc.debt),
        .pause = field_u32(gc, layout->gc.pause),
        .step_multiplier = field_u32(gc, layout->gc.step_multiplier),
        .phase = collector_phase(field_u8(gc, layout->gc.state)),
    };
    state->heap.address = address(field_u64(global, layout->global.allocd));
    return true;
}

static struct error *walk_heap(const struct capture *capture, struct heap_walk *walk, struct lua_state *state)
{
    struct heap *heap = &state->heap;
    if (respire_heap_recognise(capture, heap->address)) {
        walk->kind = heap->kind = HEAP_RESPIRE;
        return respire_heap_walk_blocks(&walk->respire, capture, heap->address, heap, &state->checks);
    }
    if (lj_alloc_recognise(capture, heap->address)) {
        walk->kind = heap->kind = HEAP_STOCK;
        return lj_alloc_walk_segments(&walk->stock, capture, heap->address, heap, &state->checks);
    }
    walk->kind = heap->kind = HEAP_OTHER;
    return NULL;
}

static struct error *walk_objects(const struct capture *capture, const struct lua_site *site, struct heap_walk *walk,
    struct lua_state *state)
{
    static const lua_block_visitor visitors[] = {
        [HEAP_STOCK] = visit_stock,
        [HEAP_RESPIRE] = visit_respire,
        [HEAP_OTHER] = NULL,
    };
    return lua_objects_walk(capture, site, visitors[walk->kind], walk, state);
}

static void finish_heap(const struct capture *capture, const struct heap_walk *walk, struct lua_state *state)
{
    struct heap *heap = &state->heap;
    if (heap->kind == HEAP_OTHER)
        return;
    uint64_t misfits = heap->kind == HEAP_STOCK ? walk->stock.misfits : walk->respire.misfits;
    checks_add(&state->checks, "objects that do not fit their place in the heap", 0, misfits);
    checks_add(&state->checks, "live + free + meta = held", heap->held_bytes,
        heap->live_bytes + heap->free_bytes + heap->meta_bytes);
    heap_count_reclaimable(heap, capture->page_bytes, &capture->presence);
}

static struct error *walk_parts(const struct capture *capture, const struct lua_site *site, struct heap_walk *walk,
    struct lua_state *state)
{
    if (!read_collector(capture, site, state))
        return error_new(ERROR_NOT_UNDERSTOOD, "its global state is not in memory");
    struct error *error = walk_heap(capture, walk, state);
    if (!error)
        error = walk_objects(capture, site, walk, state);
    if (!error)
        error = lua_code_areas_walk(capture, site, state);
    if (!error)
        finish_heap(capture, walk, state);
    return error;
}

static struct error *first_contradiction(const struct lua_state *state)
{
    const struct check *failed = checks_first_failed(&state->checks);
    if (!failed)
        return NULL;
    return error_new(ERROR_NOT_UNDERSTOOD, "check failed: %s: expected %" PRIu64 ", found %" PRIu64, failed->name,
        failed->expected, failed->actual);
}

struct error *lua_state_walk(const struct capture *capture, const struct lua_site *site, struct lua_state *state)
{
    *state = (struct lua_state){.address = site->thread};
    if (!site->layout) {
        state->damage = error_new(ERROR_NOT_UNDERSTOOD, "unknown layout: nearest is %s, which fails its check \"%s\"",
            site->nearest->name, lua_layout_claim_name(site->failed));
        return NULL;
    }
    state->layout = site->layout->name;
    struct heap_walk walk = {0};
    struct error *error = walk_parts(capture, site, &walk, state);
    respire_heap_walk_release(&walk.respire);
    if (!error)
        error = first_contradiction(state);
    if (error && error_kind(error) == ERROR_FAILED)
        return error;
    state->damage = error;
    return NULL;
}
