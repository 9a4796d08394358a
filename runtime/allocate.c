/*
 * allocate.c: the lua_Alloc function.
 *
 * Owns the contract with Lua: which of small, medium and large an object is follows from the size that Lua passes
 * back to us, so that objects carry no header. A block that shrinks always succeeds. NULL changes nothing.
 */
#include "large.h"
#include "registry.h"
#include "small.h"
#include "table_log.h"

#include <string.h>

/* While lua_close runs, frees are skipped until finalizers have allocated this much; then they are done after
   all, or a long-running finalizer would eat the machine. */
#define CLOSING_BYTES_MAX (16 * MIB)

static inline void *allocate(struct heap *heap, size_t bytes)
{
    return bytes < LARGE_BYTES ? small_allocate(heap, bytes) : large_allocate(heap, bytes);
}

static __attribute__((noinline)) void *free_bigger(struct heap *heap, void *object, size_t bytes)
{
    if (bytes >= LARGE_BYTES || (heap->undersized > 0 && large_holds(heap, object))) {
        large_free(heap, object, bytes);
    } else if (object == heap->state_block && !heap->held_open) {
        /* Lua frees its global state last: this state was closed behind our back, by a lua_close that is bound past
           the interposed one. */
        registry_end(heap);
    } else if (bytes > SMALL_BYTES) {
        medium_free(heap, object, round_up(bytes, GRANULE_BYTES));
    } else {
        granules_free(heap, object, round_up(bytes, GRANULE_BYTES));
    }
    return NULL;
}

/* Objects that had to shrink when there was no memory to move them stay where they were, which is not where their size
   says: on a mapping of their own, or in a block of the other kind. heap->undersized counts them. */
static bool is_misplaced(const void *object, size_t bytes)
{
    return kind_of_size(round_up(bytes, GRANULE_BYTES)) != block_kind(block_of(object));
}

static void free_misplaced(struct heap *heap, void *object, size_t bytes)
{
    heap->undersized--;
    granules_free(heap, object, round_up(bytes, kind_granule_bytes(block_kind(block_of(object)))));
}

static __attribute__((cold, noinline)) void *free_undersized(struct heap *heap, void *object, size_t bytes)
{
    if (large_holds(heap, object))
        large_free(heap, object, bytes);
    else if (is_misplaced(object, bytes))
        free_misplaced(heap, object, bytes);
    else
        small_free(heap, object, bytes);
    return NULL;
}

static inline void *free_object(struct heap *heap, void *object, size_t bytes)
{
    if (__builtin_expect(bytes > TINY_BYTES, 0))
        return free_bigger(heap, object, bytes);
    if (__builtin_expect(heap->undersized > 0, 0))
        return free_undersized(heap, object, bytes);
    return small_free(heap, object, bytes);
}

static void *move(struct heap *heap, void *object, size_t old_bytes, size_t new_bytes)
{
    void *moved = allocate(heap, new_bytes);
    if (moved) {
        memcpy(moved, object, old_bytes < new_bytes ? old_bytes : new_bytes);
        free_object(heap, object, old_bytes);
    }
    return moved;
}

static void *resize_large(struct heap *heap, void *object, size_t old_bytes, size_t new_bytes)
{
    void *result;
    if (new_bytes < LARGE_BYTES) {
        result = move(heap, object, old_bytes, new_bytes);
        return result ? result : large_resize(heap, object, new_bytes);
    }
    result = large_resize(heap, object, new_bytes);
    /* The kernel may refuse to move a mapping where it would still give a new one. */
    return result ? result : move(heap, object, old_bytes, new_bytes);
}

/* Give up the end of an object that stays in its block. */
static void cut_off(struct heap *heap, char *object, size_t old_bytes, size_t new_bytes)
{
    size_t granule_bytes = kind_granule_bytes(block_kind(block_of(object)));
    size_t old_rounded = round_up(old_bytes, granule_bytes);
    size_t new_rounded = round_up(new_bytes, granule_bytes);
    if (new_rounded < old_rounded)
        granules_free(heap, object + new_rounded, old_rounded - new_rounded);
}

/* Both sizes are below LARGE_BYTES, and the object lies in a block. */
static void *resize_in_blocks(struct heap *heap, void *object, size_t old_bytes, size_t new_bytes)
{
    size_t new_rounded = round_up(new_bytes, GRANULE_BYTES);
    bool was_misplaced = heap->undersized > 0 && is_misplaced(object, old_bytes);
    if (!was_misplaced && new_rounded == round_up(old_bytes, GRANULE_BYTES))
        return object;
    if (new_bytes > old_bytes && old_bytes > SMALL_BYTES
        && medium_grow(heap, object, round_up(old_bytes, GRANULE_BYTES), new_rounded))
        return object;
    bool stays = new_bytes < old_bytes && !is_misplaced(object, new_bytes);
    void *moved = stays ? NULL : move(heap, object, old_bytes, new_bytes);
    if (moved || new_bytes > old_bytes)
        return moved;
    cut_off(heap, object, old_bytes, new_bytes);
    heap->undersized += (uint32_t)is_misplaced(object, new_bytes) - (uint32_t)was_misplaced;
    return object;
}

static __attribute__((noinline)) void *resize(struct heap *heap, void *object, size_t old_bytes, size_t new_bytes)
{
    table_log_note(heap, old_bytes, new_bytes);
    if (old_bytes >= LARGE_BYTES)
        return resize_large(heap, object, old_bytes, new_bytes);
    if (__builtin_expect(heap->undersized > 0, 0) && large_holds(heap, object))
        return large_resize(heap, object, new_bytes);
    if (new_bytes >= LARGE_BYTES)
        return move(heap, object, old_bytes, new_bytes);
    return resize_in_blocks(heap, object, old_bytes, new_bytes);
}

static __attribute__((noinline)) void *allocate_bigger(struct heap *heap, size_t bytes)
{
    table_log_note(heap, 0, bytes);
    return allocate(heap, bytes);
}

void *heap_reallocate(void *data, void *object, size_t old_bytes, size_t new_bytes)
{
    struct heap *heap = data;
    if (new_bytes == 0)
        return object && old_bytes > 0 ? free_object(heap, object, old_bytes) : NULL;
    /* PUC Lua passes a type in old_bytes when there is no object. */
    if (!object || old_bytes == 0)
        return new_bytes <= SMALL_BYTES ? small_allocate(heap, new_bytes) : allocate_bigger(heap, new_bytes);
    return resize(heap, object, old_bytes, new_bytes);
}

void *heap_reallocate_closing(void *data, void *object, size_t old_bytes, size_t new_bytes)
{
    struct heap *heap = data;
    if (new_bytes == 0 && heap->closing_bytes < CLOSING_BYTES_MAX)
        return NULL;
    heap->closing_bytes += new_bytes;
    return heap_reallocate(data, object, old_bytes, new_bytes);
}
