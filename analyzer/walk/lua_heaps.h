/*
 * The heap of a Lua state, or its two: a state that the runtime took over while it lived has what it allocated since
 * on a respire heap, and what it has from before where it was (abi/attachment_image.h).
 */
#ifndef RESPIRE_WALK_LUA_HEAPS_H
#define RESPIRE_WALK_LUA_HEAPS_H

#include "model/lua_state.h"
#include "target/capture.h"
#include "walk/lj_alloc.h"
#include "walk/lua_objects.h"
#include "walk/respire_heap.h"

/* Walked in two steps: each heap's own books first, then every block of the collector against them. */
struct lua_heaps_walk {
    struct lua_state *state;
    bool stock, respire; /* which of the two walks below are under way */
    struct lj_alloc_walk stock_walk;
    struct respire_heap_walk respire_walk;
    struct address_range *respire_ranges; /* of a state with two heaps: by address; owned */
    size_t respire_range_count;
};

/*
 * Fill state->heap, whose address is set, and state->former_heap. The walk must be released, whatever the outcome.
 */
struct error *lua_heaps_walk(struct lua_heaps_walk *walk, const struct capture *capture, struct lua_state *state);

/* Who is to be told of the collector's blocks, with the walk as context. NULL: nobody. */
lua_block_visitor lua_heaps_visitor(const struct lua_heaps_walk *walk);

/* All blocks are told: add the equations that need them. */
void lua_heaps_finish(const struct lua_heaps_walk *walk, const struct capture *capture);

/*
 * What is in the state's heaps contradicts itself: find where they lie, at least, and set state->heap_located if that
 * succeeds. An error only for want of memory.
 */
struct error *lua_heaps_locate(const struct capture *capture, struct lua_state *state);

void lua_heaps_walk_release(struct lua_heaps_walk *walk);

#endif
