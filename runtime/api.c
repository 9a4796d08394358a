/*
 * api.c: the functions of include/respire.h.
 *
 * Owns the way from a state to its heap for callers who know nothing of heaps, and the sentences for what they get
 * wrong.
 */
#include "api.h"

#include "attach.h"
#include "event_log.h"
#include "failure.h"
#include "interpose.h"
#include "luajit_probe.h"
#include "purge.h"
#include "registry.h"
#include "settings.h"
#include "small.h"

#include <stdio.h>
#include <string.h>

_Static_assert(RESPIRE_VALUE_BYTES == OPTION_VALUE_BYTES, "a buffer of this size holds every value");

/* Those of the LuaJIT that made the caller's states. False: failure_say was called. */
static bool find_functions(const void *caller, struct lua_functions *functions)
{
    bool found = lua_functions_find(caller, functions);
    if (!found)
        failure_say("Lua's functions can't be found: LuaJIT is linked into the program without exporting them, or "
                    "there are several Luas and the caller is linked with none of them");
    else if (!functions->is_luajit)
        failure_say("this Lua is not LuaJIT");
    return found && functions->is_luajit;
}

/* NULL: it has none, and failure_say was called. */
static struct heap *heap_of(struct lua_State *state, const void *caller)
{
    struct lua_functions functions;
    struct heap *heap = registry_find(state);
    if (!heap && state && find_functions(caller, &functions))
        heap = attach_find_heap(state, &functions);
    if (!heap)
        failure_say("the state is not on a respire heap");
    return heap;
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
    struct luajit_facts facts;
    if (!lua_functions_find_luajit(__builtin_return_address(0), &functions)) {
        failure_say("there is no LuaJIT in this process");
        return NULL;
    }
    /* Without GC64, lua_newstate would complain on stderr. */
    if (!luajit_probe(&functions, &facts))
        return NULL;
    struct heap *heap = registry_open();
    struct lua_State *state = heap ? open_on_heap(&functions, heap) : NULL;
    if (state)
        functions.atpanic(state, panic);
    else
        failure_say("there is not enough memory");
    return state;
}

EXPORT int respire_attach(struct lua_State *state)
{
    struct lua_functions functions;
    if (!state) {
        failure_say("no state was given");
        return -1;
    }
    return find_functions(__builtin_return_address(0), &functions) && attach(state, &functions) ? 0 : -1;
}

void heap_stats(struct heap *heap, struct respire_stats *stats)
{
    struct heap_measures measures;
    heap_measure(heap, &measures);
    heap_lock(heap);
    const struct respire_heap_image *image = &heap->image;
    memset(stats, 0, sizeof(*stats));
    stats->held_bytes = image->held_bytes;
    stats->live_bytes = measures.live_bytes;
    stats->meta_bytes = measures.meta_bytes;
    stats->free_bytes = stats->held_bytes - stats->live_bytes - stats->meta_bytes;
    stats->blocks = image->block_count;
    stats->large_objects = image->large_count - heap->kept_count;
    stats->purged_bytes = __atomic_load_n(&image->purged_bytes_total, __ATOMIC_RELAXED);
    stats->purges = __atomic_load_n(&image->purge_count, __ATOMIC_RELAXED);
    stats->decay_ms = __atomic_load_n(&image->decay_ms, __ATOMIC_RELAXED);
    heap_unlock(heap);
}

EXPORT int respire_stats(struct lua_State *state, struct respire_stats *stats)
{
    struct heap *heap = heap_of(state, __builtin_return_address(0));
    if (!heap)
        return -1;
    heap_stats(heap, stats);
    return 0;
}

size_t heap_trim(struct heap *heap)
{
    struct purge_result result = {0};
    lanes_close(heap);
    heap_purge(heap, true, &result);
    event_log("heap %p trimmed: %llu KiB in %llu calls", (void *)heap, (unsigned long long)result.bytes / 1024,
              (unsigned long long)result.calls);
    return result.bytes;
}

EXPORT size_t respire_trim(struct lua_State *state)
{
    struct heap *heap = heap_of(state, __builtin_return_address(0));
    return heap ? heap_trim(heap) : 0;
}

EXPORT int respire_set(const char *name, const char *value)
{
    return settings_set(name ? name : "", value ? value : "", failure_sentence()) ? 0 : -1;
}

EXPORT int respire_get(const char *name, char *value, size_t value_bytes)
{
    char text[OPTION_VALUE_BYTES];
    enum option_kind kind;
    if (!settings_get(name ? name : "", text, &kind, failure_sentence()))
        return -1;
    if (strlen(text) >= value_bytes) {
        failure_say("the value of %s has %zu characters and needs a bigger buffer", name, strlen(text));
        return -1;
    }
    strcpy(value, text);
    return 0;
}

EXPORT const char *respire_error(void)
{
    return failure_sentence();
}
