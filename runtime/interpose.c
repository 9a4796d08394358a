/*
 * interpose.c: what librespire.so exports.
 *
 * Owns the takeover. lua_newstate and lua_close are found by the dynamic linker before LuaJIT's own, so luaL_newstate
 * inside LuaJIT arrives here with LuaJIT's mark for "my own allocator", and gets ours. Any other allocator is the
 * host's choice and passes through untouched, and so does every Lua that is not LuaJIT.
 */
#include "respire.h"

#include "event_log.h"
#include "lua_functions.h"
#include "purge.h"
#include "registry.h"
#include "small.h"

#include <stdio.h>

#define EXPORT __attribute__((visibility("default")))

/* LuaJIT's LJ_ALLOCF_INTERNAL: luaL_newstate passes it to lua_newstate. */
#define INTERNAL_ALLOCATOR ((uintptr_t)(1237 << 4))

EXPORT struct lua_State *lua_newstate(lua_allocator *allocator, void *data, unsigned long seed);
EXPORT void lua_close(struct lua_State *state);

static struct lua_State *open_state(const struct lua_functions *functions, struct heap *heap)
{
    heap->functions = *functions;
    heap->held_open = true;
    struct lua_State *state = functions->newstate(heap_reallocate, heap, 0);
    heap->held_open = false;
    if (!state) {
        registry_end(heap);
        return NULL;
    }
    heap->image.state_address = (uintptr_t)state;
    return state;
}

struct lua_State *lua_newstate(lua_allocator *allocator, void *data, unsigned long seed)
{
    struct lua_functions functions;
    if (!lua_functions_find(__builtin_return_address(0), &functions))
        return NULL;
    if ((uintptr_t)allocator != INTERNAL_ALLOCATOR || !functions.is_luajit)
        return functions.newstate(allocator, data, seed);
    struct heap *heap = registry_open();
    return heap ? open_state(&functions, heap) : functions.newstate(allocator, data, seed);
}

void lua_close(struct lua_State *state)
{
    struct heap *heap = registry_find(state);
    struct lua_functions functions;
    if (!heap) {
        if (lua_functions_find(__builtin_return_address(0), &functions))
            functions.close(state);
        return;
    }
    /* LuaJIT frees object by object; the heap goes as a whole, so it need not look at each. */
    functions = heap->functions;
    heap->held_open = true;
    functions.setallocf(state, heap_reallocate_closing, heap);
    functions.close(state);
    registry_end(heap);
}

/* What luaL_newstate does; LuaJIT ends the process when this returns. */
static int panic(struct lua_State *state)
{
    struct heap *heap = registry_find(state);
    const char *message = heap ? heap->functions.tolstring(state, -1, NULL) : NULL;
    fprintf(stderr, "PANIC: unprotected error in call to Lua API (%s)\n", message ? message : "?");
    fflush(stderr);
    return 0;
}

EXPORT struct lua_State *respire_newstate(void)
{
    struct lua_functions functions;
    if (lua_functions_find_luajit(__builtin_return_address(0), &functions) == 0)
        return NULL;
    struct heap *heap = registry_open();
    struct lua_State *state = heap ? open_state(&functions, heap) : NULL;
    if (state)
        functions.atpanic(state, panic);
    return state;
}

EXPORT int respire_stats(struct lua_State *state, struct respire_stats *stats)
{
    struct heap *heap = registry_find(state);
    if (!heap)
        return -1;
    heap_lock(heap);
    const struct respire_heap_image *image = &heap->image;
    uint64_t unused_bytes = 0;
    for (uint32_t i = 0; i < RESPIRE_IMAGE_HOLES; i++)
        unused_bytes += image->holes[i].end - image->holes[i].next;
    stats->held_bytes = image->held_bytes;
    stats->live_bytes = image->live_bytes - unused_bytes;
    stats->meta_bytes = image->meta_bytes + image->block_count * BLOCK_HEADER_BYTES;
    stats->free_bytes = stats->held_bytes - stats->live_bytes - stats->meta_bytes;
    stats->blocks = image->block_count;
    stats->large_objects = image->large_count - heap->kept_count;
    stats->purged_bytes = image->purged_bytes_total;
    stats->purges = image->purge_count;
    stats->decay_ms = image->decay_ms;
    heap_unlock(heap);
    return 0;
}

EXPORT size_t respire_trim(struct lua_State *state)
{
    struct heap *heap = registry_find(state);
    if (!heap)
        return 0;
    struct purge_result result = {0};
    lanes_close(heap);
    heap_purge(heap, true, &result);
    event_log("heap %p trimmed: %llu KiB in %llu calls", (void *)heap, (unsigned long long)result.bytes / 1024,
              (unsigned long long)result.calls);
    return result.bytes;
}
