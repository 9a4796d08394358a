/*
 * allocate.c: the lua_Alloc function.
 *
 * Owns the contract with Lua: which of small, medium and large an object is follows from the size that Lua passes
 * back to us, so that objects carry no header. A block that shrinks always succeeds. NULL changes nothing.
 */
#include "large.h"
#include "registry.h"
#include "small.h"

#include <string.h>

/* While lua_close runs, frees are skipped until finalizers have allocated this much; then they are done after
   all, or a long-running finalizer would eat the machine. */
#define CLOSING_BYTES_MAX (16 * MIB)

static inline bool is_page_start(const void *object)
{
    return ((uintptr_t)object & (PAGE_BYTES - 1)) == 0;
}

static inline void *allocate(struct heap *heap, size_t bytes)
{
    return bytes < LARGE_BYTES ? small_allocate(heap, bytes) : large_allocate(heap, bytes);
}

/* An object on the first byte of a page may be something special. True: it was, and it is gone. */
static bool free_special(struct heap *heap, void *object)
{
    if (heap->undersized > 0 && large_holds(heap, object)) {
        large_free(heap, object);
        return true;
    }
    if (object == heap->state_block && !heap->held_open) {
        /* Lua frees its global state last: this state was closed behind our back, by a lua_close that is bound past
           the interposed one. */
        registry_end(heap);
        return true;
    }
    return false;
}

static __attribute__((noinline)) void *free_slowly(struct heap *heap, void *object, size_t bytes)
{
    struct respire_hole_image *hole = &heap->image.holes[0];
    size_t rounded = round_up(bytes, GRANULE_BYTES);
    if (bytes >= LARGE_BYTES)
        large_free(heap, object);
    else if (is_page_start(object) && free_special(heap, object))
        return NULL;
    else if (is_newest(hole, object, rounded))
        hole->next = (uintptr_t)object;
    else
        granules_free(heap, block_of(object), granule_of(object), (uint32_t)(rounded / GRANULE_BYTES));
    return NULL;
}

static inline void *free_object(struct heap *heap, void *object, size_t bytes)
{
    uint32_t granule = granule_of(object);
    size_t count = (bytes + GRANULE_BYTES - 1) / GRANULE_BYTES;
    /* What is large, or crosses from one section into the next, has its bits in several words too. */
    if (__builtin_expect(is_page_start(object) || granule % 64 + count > 64, 0))
        return free_slowly(heap, object, bytes);
    return small_free(heap, object, granule, (uint32_t)count);
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

/* Both sizes are below LARGE_BYTES. */
static void *resize_small(struct heap *heap, void *object, size_t old_bytes, size_t new_bytes)
{
    size_t old_rounded = round_up(old_bytes, GRANULE_BYTES);
    size_t new_rounded = round_up(new_bytes, GRANULE_BYTES);
    if (new_rounded == old_rounded)
        return object;
    struct respire_hole_image *hole = &heap->image.holes[0];
    if (is_newest(hole, object, old_rounded) && hole->end - (uintptr_t)object >= new_rounded) {
        hole->next = (uintptr_t)object + new_rounded;
        return object;
    }
    if (new_rounded < old_rounded) {
        uint32_t first = granule_of(object) + (uint32_t)(new_rounded / GRANULE_BYTES);
        granules_free(heap, block_of(object), first, (uint32_t)((old_rounded - new_rounded) / GRANULE_BYTES));
        return object;
    }
    return move(heap, object, old_bytes, new_bytes);
}

static __attribute__((noinline)) void *resize(struct heap *heap, void *object, size_t old_bytes, size_t new_bytes)
{
    if (old_bytes >= LARGE_BYTES)
        return resize_large(heap, object, old_bytes, new_bytes);
    if (__builtin_expect(is_page_start(object) && heap->undersized > 0, 0) && large_holds(heap, object))
        return large_resize(heap, object, new_bytes);
    if (new_bytes >= LARGE_BYTES)
        return move(heap, object, old_bytes, new_bytes);
    return resize_small(heap, object, old_bytes, new_bytes);
}

void *heap_reallocate(void *data, void *object, size_t old_bytes, size_t new_bytes)
{
    struct heap *heap = data;
    if (new_bytes == 0)
        return object && old_bytes > 0 ? free_object(heap, object, old_bytes) : NULL;
    /* PUC Lua passes a type in old_bytes when there is no object. */
    if (!object || old_bytes == 0)
        return allocate(heap, new_bytes);
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
