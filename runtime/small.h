/*
 * small.h: objects up to SMALL_BYTES, placed into holes between others. Called by the mutator only.
 */
#ifndef RESPIRE_RUNTIME_SMALL_H
#define RESPIRE_RUNTIME_SMALL_H

#include "bitmap.h"
#include "block.h"
#include "corruption.h"

/* Bigger objects may cross from one section into the next (medium.c). */
#define SMALL_BYTES (8 * KIB)

/* An object whose bits always lie in at most two words. */
#define TINY_BYTES (1 * KIB)

/* The next hole that fits, after the present one did not. `bytes` is whole granules. NULL: no memory. */
void *small_allocate_slowly(struct heap *heap, size_t bytes) __attribute__((cold));

/* An object of SMALL_BYTES < bytes < LARGE_BYTES into any run of free granules of one block. NULL: no memory. */
void *medium_allocate(struct heap *heap, size_t bytes);

/* `bytes` is whole granules. */
void medium_free(struct heap *heap, void *object, size_t bytes);

/* The object becomes longer where it is. False: there is no room. Both sizes are whole granules and medium. */
bool medium_grow(struct heap *heap, void *object, size_t old_bytes, size_t new_bytes);

/* Free any whole granules of one block, in whatever words and sections. Returns NULL. */
void *granules_free(struct heap *heap, void *start, size_t bytes) __attribute__((noinline));

/* Give up the rest of the open holes, and their sections to whoever wants them (a trim, the end of a test). */
void lanes_close(struct heap *heap);

static inline void *small_allocate(struct heap *heap, size_t bytes)
{
    size_t rounded = round_up(bytes, GRANULE_BYTES);
    struct respire_hole_image *hole = &heap->image.holes[kind_of_size(rounded)];
    uint64_t at = hole->next;
    if (__builtin_expect(hole->end - at < rounded, 0))
        return small_allocate_slowly(heap, rounded);
    hole->next = at + rounded;
    return (void *)(uintptr_t)at;
}

/* Free an object whose bits lie in one word. Returns NULL, for lua_Alloc's sake. */
static inline void *free_in_word(struct heap *heap, void *object, uint32_t granule, uint32_t count, size_t bytes)
{
    struct block *block = block_of(object);
    uint32_t number = offset_in_block(object) / SECTION_BYTES;
    struct respire_section_image *section = &block->image.sections[number];
    uint64_t run = bit_run(granule % 64, count);
    uint64_t before = bitmap_word(block, granule / 64);
    if (__builtin_expect((before & run) != run, 0))
        corruption_found("double free, or a free with the wrong size", object, bytes);
    bitmap_set_word(block, granule / 64, before ^ run);
    uint32_t live = section_live(section) - count;
    section_set_live(section, live);
    if (__builtin_expect((int32_t)live <= section->available_below, 0))
        return section_became_free(heap, block, number);
    return NULL;
}

static inline void *small_free(struct heap *heap, void *object, size_t bytes)
{
    size_t rounded = round_up(bytes, GRANULE_BYTES);
    if (kind_of_size(rounded) == KIND_LINES)
        return free_in_word(heap, object, offset_in_block(object) / LINE_BYTES, 1, bytes);
    uint32_t granule = offset_in_block(object) / GRANULE_BYTES;
    uint32_t count = (uint32_t)(rounded / GRANULE_BYTES);
    if (__builtin_expect(granule % 64 + count > 64, 0))
        return granules_free(heap, object, rounded);
    return free_in_word(heap, object, granule, count, bytes);
}

#endif
