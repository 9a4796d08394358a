/*
 * Walk the heap of LuaJIT's own allocator: every segment from its first chunk to its last, and direct maps as
 * the object walk meets them (the allocator links them from nowhere).
 */
#ifndef RESPIRE_WALK_LJ_ALLOC_H
#define RESPIRE_WALK_LJ_ALLOC_H

#include "model/checks.h"
#include "model/heap.h"
#include "target/capture.h"
#include "target/memory_view.h"

/* True when `state` (a lua_State's allocd) is held by a chunk as lj_alloc makes it for its own state. */
bool lj_alloc_recognise(const struct capture *capture, address_t state);

struct lj_alloc_walk {
    struct memory_view view;
    struct heap *heap;
    uint64_t page_bytes;
    uint64_t misfits; /* blocks whose chunk is not in use or has another size */
};

/*
 * Walk all segments of the allocator at `state` into `heap` (zeroed by the caller, released by it in any case) and add
 * the equations to `checks`. ERROR_NOT_UNDERSTOOD names the segment and the chunk that contradicts.
 */
struct error *lj_alloc_walk_segments(struct lj_alloc_walk *walk, const struct capture *capture, address_t state,
    struct heap *heap, struct checks *checks);

/*
 * Where its segments lie, without what is in them: `heap` gets a region for each, live as a whole, instead of those
 * that it has. `located`: the list of segments is whole. An error only for want of memory.
 */
struct error *lj_alloc_locate(const struct capture *capture, address_t state, struct heap *heap, bool *located);

/* A block that the collector owns: compare it with its chunk; a direct map becomes a region of the heap. */
struct error *lj_alloc_note_block(struct lj_alloc_walk *walk, address_t block, uint64_t bytes);

#endif
