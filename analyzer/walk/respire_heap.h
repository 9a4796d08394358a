/* Walk a heap of the runtime (librespire.so) by what it says of itself: abi/heap_image.h. */
#ifndef RESPIRE_WALK_RESPIRE_HEAP_H
#define RESPIRE_WALK_RESPIRE_HEAP_H

#include "model/checks.h"
#include "model/heap.h"
#include "target/capture.h"
#include "target/memory_view.h"

/* True when a heap image of a version that this analyzer reads lies at `image`. */
bool respire_heap_recognise(const struct capture *capture, address_t image);

struct respire_large {
    address_t at;
    uint64_t live_bytes;
};

struct respire_heap_walk {
    struct memory_view view;
    struct heap *heap;
    uint64_t block_bytes, bitmap_offset, large_threshold_bytes;
    address_t latest_block; /* the one looked up last, and its granule */
    uint64_t latest_granule_bytes;
    struct respire_large *large; /* by address */
    size_t large_count;
    uint64_t misfits; /* blocks whose granules are not marked as taken */
};

/*
 * Fill `heap` and add the image's equations to `checks`. The walk must be released with
 * respire_heap_walk_release(), `heap` with heap_release(), whatever the outcome.
 */
struct error *respire_heap_walk_blocks(struct respire_heap_walk *walk, const struct capture *capture, address_t image,
    struct heap *heap, struct checks *checks);

/* A block that the collector owns: its granules must be marked as taken. */
struct error *respire_heap_note_block(struct respire_heap_walk *walk, address_t block, uint64_t bytes);

void respire_heap_walk_release(struct respire_heap_walk *walk);

#endif
