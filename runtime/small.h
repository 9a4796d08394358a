/*
 * small.h: objects below LARGE_BYTES, placed into holes between others. Called by the mutator only.
 */
#ifndef RESPIRE_RUNTIME_SMALL_H
#define RESPIRE_RUNTIME_SMALL_H

#include "bitmap.h"
#include "block.h"

/* Bigger objects may cross from one section into the next (medium.c). */
#define SMALL_BYTES (8 * KIB)

/* The next hole that fits, after the present one did not. `bytes` is whole granules. NULL: no memory. */
void *small_allocate_slowly(struct heap *heap, size_t bytes);

/* An object of SMALL_BYTES < bytes < LARGE_BYTES into any run of free granules of one block. NULL: no memory. */
void *medium_allocate(struct heap *heap, size_t bytes);

/* Free granules that may lie in several sections. */
void granules_free(struct heap *heap, struct block *block, uint32_t granule, uint32_t count);

/* Open the first hole of a new heap, where heap->state_block goes. */
void lane_start(struct heap *heap, struct block *block);

/* Give up the rest of the open holes, and their sections to whoever wants them (a trim, the end of a test). */
void lanes_close(struct heap *heap);

/* `count` granules, all in one section, become free. */
static inline void section_free(struct heap *heap, struct block *block, uint32_t granule, uint32_t count)
{
    struct respire_section_image *section = &block->image.sections[granule / GRANULES_PER_SECTION];
    bitmap_change(block, granule, count, false);
    uint32_t live = section_live(section) - count;
    section_set_live(section, live);
    heap->image.live_bytes -= count * GRANULE_BYTES;
    if (__builtin_expect((int32_t)live <= section->available_below, 0))
        section_became_free(heap, block, granule / GRANULES_PER_SECTION);
}

static inline void *small_allocate(struct heap *heap, size_t bytes)
{
    size_t rounded = round_up(bytes, GRANULE_BYTES);
    struct respire_hole_image *hole = &heap->image.holes[0];
    uint64_t at = hole->next;
    if (__builtin_expect(hole->end - at < rounded, 0))
        return small_allocate_slowly(heap, rounded);
    hole->next = at + rounded;
    return (void *)(uintptr_t)at;
}

/* True when the open hole of lane 0 begins right behind the object, in the same section: the hole may then grow back
   over the object, or the object into the hole. Bits and counts stay as they are, all set. */
static inline bool is_newest(const struct respire_hole_image *hole, const void *object, size_t rounded)
{
    return (uintptr_t)object + rounded == hole->next
        && (((uintptr_t)object ^ (hole->end - 1)) & ~(SECTION_BYTES - 1)) == 0;
}

static inline void small_free(struct heap *heap, void *object, size_t bytes)
{
    size_t rounded = round_up(bytes, GRANULE_BYTES);
    struct respire_hole_image *hole = &heap->image.holes[0];
    if (is_newest(hole, object, rounded)) {
        hole->next = (uintptr_t)object;
        return;
    }
    uint32_t granule = granule_of(object);
    uint32_t count = (uint32_t)(rounded / GRANULE_BYTES);
    /* Medium objects may cross from one section into the next, also after they shrank. */
    if (__builtin_expect(granule % GRANULES_PER_SECTION + count > GRANULES_PER_SECTION, 0))
        granules_free(heap, block_of(object), granule, count);
    else
        section_free(heap, block_of(object), granule, count);
}

#endif
