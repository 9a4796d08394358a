/*
 * interpose.c: the two functions of Lua that librespire.so stands in front of.
 *
 * Owns the takeover by preload. lua_newstate and lua_close are found by the dynamic linker before LuaJIT's own, so
 * luaL_newstate inside LuaJIT arrives here with LuaJIT's mark for "my own allocator", and gets ours. Any other
 * allocator is the host's choice and passes through untouched, and so does every Lua that is not LuaJIT.
 */
#include "interpose.h"

#include "registry.h"
#include "table_log.h"

EXPORT struct lua_State *lua_newstate(lua_allocator *allocator, void *data, unsigned long seed);
EXPORT void lua_close(struct lua_State *state);

struct lua_State *open_on_heap(const struct lua_functions *functions, struct heap *heap)
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
    table_log_prepare(heap);
    return state;
}

struct lua_State *lua_newstate(lua_allocator *allocator, void *data, unsigned long seed)
{
    struct lua_functions functions;
    if (!lua_functions_find(__builtin_return_address(0), &functions))
        return NULL;
    if (allocator != INTERNAL_ALLOCATOR || !functions.is_luajit)
        return functions.newstate(allocator, data, seed);
    struct heap *heap = registry_open();
    return heap ? open_on_heap(&functions, heap) : functions.newstate(allocator, data, seed);
}

/* Since the state was made, respire_attach or its host has put another function in front of the heap. */
static bool is_fronted(struct lua_State *state, const struct heap *heap)
{
    void *data;
    return heap->functions.getallocf(state, &data) != heap_reallocate || data != heap;
}

static void close_on_heap(struct lua_State *state, struct heap *heap)
{
    struct lua_functions functions = heap->functions;
    bool ends_itself = heap->held_open; /* a state that was taken over: attach.c */
    heap->held_open = true;
    /* LuaJIT frees object by object; the heap goes as a whole, so it need not look at each. A function in front of it
       may have blocks of its own to free, and sees all. */
    if (!is_fronted(state, heap))
        functions.setallocf(state, heap_reallocate_closing, heap);
    functions.close(state);
    if (!ends_itself)
        registry_end(heap);
}

void lua_close(struct lua_State *state)
{
    struct heap *heap = registry_find(state);
    struct lua_functions functions;
    if (heap)
        close_on_heap(state, heap);
    else if (lua_functions_find(__builtin_return_address(0), &functions))
        functions.close(state);
}
