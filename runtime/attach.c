/*
 * attach.c: a lua_Alloc function over two allocators.
 *
 * Owns the answer to "is this block ours?", which must be exact and quick: a heap's blocks are BLOCK_BYTES long and
 * aligned to it, and large objects have whole pages of their own. So the set `ours` holds the start of every block
 * that this heap ever placed an object in, and the address of every large object plus one. A block that the heap gives
 * back needn't leave the set: the old allocator never allocates for this state again, so nothing of its can
 * come to lie there.
 *
 * And owns the end of such a state. Lua frees its global state last; it came from the old allocator, and its
 * address was learned when the state was taken over. If the old one is LuaJIT's own, lua_close would have destroyed it
 * as a whole, which it does only for a state that is on it: so a last, short-lived state is made on it and closed.
 */
#include "attach.h"

#include "attachment_image.h"
#include "address_set.h"
#include "event_log.h"
#include "failure.h"
#include "library.h"
#include "luajit_probe.h"
#include "os_memory.h"
#include "registry.h"
#include "table_log.h"

#include <string.h>

struct attachment {
    struct respire_attachment_image image; /* first: g->allocd is the attachment's address and the image's */
    struct heap *heap;
    lua_allocator *old_function;
    void *old_data;
    struct lua_State *state; /* the main thread, which is where the global state starts */
    struct address_set ours;
    uintptr_t latest_block; /* the last one that was looked for */
};

/* When `ours` can't grow, new objects are refused before it is full, so that objects that shrink still find room: Lua
   does not expect that to fail. */
#define OURS_SPARE 64

#define ATTACHMENT_BYTES PAGE_BYTES
_Static_assert(sizeof(struct attachment) <= ATTACHMENT_BYTES, "an attachment fits on its page");

/* The low bit tells them from blocks, which are aligned. */
static uintptr_t large_key(const void *object)
{
    return (uintptr_t)object | 1;
}

static uintptr_t block_key(const void *object)
{
    return (uintptr_t)object & ~(uintptr_t)(BLOCK_BYTES - 1);
}

static inline bool is_ours(struct attachment *attachment, const void *object)
{
    uintptr_t block = block_key(object);
    if (block == attachment->latest_block)
        return true;
    if (address_set_has(&attachment->ours, block)) {
        attachment->latest_block = block;
        return true;
    }
    return ((uintptr_t)object & (PAGE_BYTES - 1)) == 0 && address_set_has(&attachment->ours, large_key(object));
}

/* A new place of ours; room for it in the set has been reserved. */
static void *note(struct attachment *attachment, void *object, size_t bytes)
{
    if (!object)
        return NULL;
    if (bytes >= LARGE_BYTES) {
        address_set_add(&attachment->ours, large_key(object));
    } else if (block_key(object) != attachment->latest_block) {
        attachment->latest_block = block_key(object);
        address_set_add(&attachment->ours, attachment->latest_block);
    }
    return object;
}

static inline void *allocate(struct attachment *attachment, size_t bytes)
{
    if (bytes == 0 || !address_set_reserve(&attachment->ours, OURS_SPARE))
        return NULL;
    return note(attachment, heap_reallocate(attachment->heap, NULL, 0, bytes), bytes);
}

static void *resize_ours(struct attachment *attachment, void *object, size_t old_bytes, size_t new_bytes)
{
    if (new_bytes > 0 && !address_set_reserve(&attachment->ours, new_bytes <= old_bytes ? 1 : OURS_SPARE))
        return NULL;
    void *result = heap_reallocate(attachment->heap, object, old_bytes, new_bytes);
    if (result == object || (!result && new_bytes > 0))
        return result;
    /* Most page-aligned objects are not large, but only these can be. */
    if (((uintptr_t)object & (PAGE_BYTES - 1)) == 0)
        address_set_remove(&attachment->ours, large_key(object));
    return note(attachment, result, new_bytes);
}

/* The global state is being freed, by LuaJIT's last act in lua_close. */
static void end_state(struct attachment *attachment, size_t bytes)
{
    struct heap *heap = attachment->heap;
    struct lua_State *last = NULL;
    if (attachment->image.old_is_stock && attachment->old_data)
        last = heap->functions.newstate(attachment->old_function, attachment->old_data, 0);
    if (last)
        heap->functions.close(last);
    else
        attachment->old_function(attachment->old_data, attachment->state, bytes, 0);
    event_log("heap %p: its state, which was taken over, is closed", (void *)heap);
    address_set_release(&attachment->ours);
    memset(attachment->image.magic, 0, RESPIRE_ATTACHMENT_MAGIC_BYTES);
    os_unmap(attachment, ATTACHMENT_BYTES);
    registry_end(heap);
}

static __attribute__((noinline)) void *resize_old(struct attachment *attachment, void *object, size_t old_bytes,
                                                  size_t new_bytes)
{
    if (new_bytes == 0) {
        if (object == attachment->state)
            end_state(attachment, old_bytes);
        else
            attachment->old_function(attachment->old_data, object, old_bytes, 0);
        return NULL;
    }
    void *moved = allocate(attachment, new_bytes);
    if (moved) {
        memcpy(moved, object, old_bytes < new_bytes ? old_bytes : new_bytes);
        attachment->old_function(attachment->old_data, object, old_bytes, 0);
    } else if (new_bytes <= old_bytes) { /* Lua does not expect that to fail */
        moved = attachment->old_function(attachment->old_data, object, old_bytes, new_bytes);
    }
    return moved;
}

static void *reallocate(void *data, void *object, size_t old_bytes, size_t new_bytes)
{
    struct attachment *attachment = data;
    if (!object || old_bytes == 0)
        return allocate(attachment, new_bytes);
    if (is_ours(attachment, object))
        return resize_ours(attachment, object, old_bytes, new_bytes);
    return resize_old(attachment, object, old_bytes, new_bytes);
}

static void describe(struct attachment *attachment, bool old_is_stock)
{
    struct respire_attachment_image *image = &attachment->image;
    image->version = RESPIRE_ATTACHMENT_VERSION;
    image->image_bytes = sizeof(*image);
    image->self_address = (uintptr_t)attachment;
    image->heap_address = (uintptr_t)attachment->heap;
    image->state_address = (uintptr_t)attachment->state;
    image->old_function = (uintptr_t)attachment->old_function;
    image->old_data = (uintptr_t)attachment->old_data;
    image->old_is_stock = old_is_stock;
    memcpy(image->magic, RESPIRE_ATTACHMENT_MAGIC, RESPIRE_ATTACHMENT_MAGIC_BYTES);
}

static bool take_over(struct lua_State *state, const struct lua_functions *functions, const struct luajit_facts *facts)
{
    struct attachment *attachment = os_map(ATTACHMENT_BYTES);
    bool reserved = attachment && address_set_reserve(&attachment->ours, OURS_SPARE);
    struct heap *heap = reserved ? registry_open() : NULL;
    if (!heap) {
        if (reserved)
            address_set_release(&attachment->ours);
        if (attachment)
            os_unmap(attachment, ATTACHMENT_BYTES);
        failure_say("there is not enough memory for a heap, or this machine's pages are not of 4 KiB");
        return false;
    }
    heap->functions = *functions;
    heap->held_open = true; /* its first object is one like any other here */
    heap->image.state_address = (uintptr_t)state;
    attachment->heap = heap;
    attachment->state = state;
    attachment->old_function = functions->getallocf(state, &attachment->old_data);
    describe(attachment, attachment->old_function == facts->stock);
    table_log_prepare(heap);
    functions->setallocf(state, reallocate, attachment);
    event_log("heap %p takes over the living state %p", (void *)heap, (void *)state);
    return true;
}

bool attach(struct lua_State *state, const struct lua_functions *functions)
{
    void *data;
    lua_allocator *present = functions->getallocf(state, &data);
    struct luajit_facts facts;
    if (library_respire_symbol((const void *)(uintptr_t)present, "respire_stats"))
        return true;
    if (!luajit_probe(functions, &facts))
        return false;
    struct lua_State *main_thread = luajit_main_thread(functions, &facts, state);
    if (!main_thread)
        return false;
    /* A host may have put its own function in front of ours. */
    return registry_find(main_thread) || take_over(main_thread, functions, &facts);
}

struct heap *attach_find_heap(struct lua_State *state, const struct lua_functions *functions)
{
    void *data;
    lua_allocator *present = functions->getallocf(state, &data);
    if (present == reallocate)
        return ((struct attachment *)data)->heap;
    return present == heap_reallocate ? data : registry_find(state);
}
