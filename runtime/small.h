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
void *small_allocate_slowly(struct heap *heap, size_t bytes) __attribute__((cold));

/* An object of SMALL_BYTES < bytes < LARGE_BYTES into any run of free granules of one block. NULL: no memory. */
void *medium_allocate(struct heap *heap, size_t bytes);

/* Free any granules of one block, in whatever words and sections. */
void granules_free(struct heap *heap, struct block *block, uint32_t granule, uint32_t count) __attribute__((cold));

/* Open the first hole of a new heap, where heap->state_block goes. */
void lane_start(struct heap *heap, struct block *block);

/* Give up the rest of the open holes, and their sections to whoever wants them (a trim, the end of a test). */
void lanes_close(struct heap *heap);

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

/* Free an object whose bits lie in one word, which is most of them. Returns NULL, for lua_Alloc's sake. */
static inline void *small_free(struct heap *heap, void *object, uint32_t granule, uint32_t count)
{
    size_t bytes = count * GRANULE_BYTES;
    struct respire_hole_image *hole = &heap->image.holes[0];
    if (is_newest(hole, object, bytes)) {
        hole->next = (uintptr_t)object;
        return NULL;
    }
    struct block *block = block_of(object);
    struct respire_section_image *section = &block->image.sections[granule / GRANULES_PER_SECTION];
    bitmap_change_word(block, granule / 64, bit_run(granule % 64, count), false);
    uint32_t live = section_live(section) - count;
    section_set_live(section, live);
    heap->image.live_bytes -= bytes;
    if (__builtin_expect((int32_t)live <= section->available_below, 0))
        return section_became_free(heap, block, granule / GRANULES_PER_SECTION);
    return NULL;
}

#endif
