/*
 * luajit_probe.c: learns from a scratch state what Lua's interface does not tell.
 *
 * Owns three experiments.
 *   - Where LuaJIT's own allocator puts a state: without GC64 a reference has 32 bits, so the state lies below 4 GiB;
 *     with GC64 the kernel's choice is far above.
 *   - Which function that allocator is: the one of a state that was made without any other.
 *   - How a thread points to the global state, which lies right behind the main thread: by the first of its words that
 *     points a little way behind the scratch state's own start. Lua's interface does not lead from a coroutine
 *     to its main thread.
 */
#include "luajit_probe.h"

#include "failure.h"
#include "library.h"

#include <string.h>

/* A thread is 96 bytes; the global state follows within a page, whatever the version. */
#define THREAD_BYTES 96
#define NEAR_BYTES 4096

static uintptr_t word_at(const void *thread, size_t offset)
{
    uintptr_t word;
    memcpy(&word, (const char *)thread + offset, sizeof(word));
    return word;
}

static bool find_global(struct lua_State *scratch, struct luajit_facts *facts)
{
    for (size_t offset = 0; offset < THREAD_BYTES; offset += sizeof(uintptr_t)) {
        uintptr_t distance = word_at(scratch, offset) - (uintptr_t)scratch;
        if (distance > 0 && distance < NEAR_BYTES) {
            facts->global_field = offset;
            facts->global_offset = distance;
            return true;
        }
    }
    failure_say("this LuaJIT is of an unknown kind: its main thread does not point to its global state");
    return false;
}

/* NULL: there is no memory for a second scratch state. */
static lua_allocator *find_stock(const struct lua_functions *functions, struct lua_State *scratch)
{
    void *data;
    lua_allocator *allocator = functions->getallocf(scratch, &data);
    if (!library_respire_symbol((const void *)(uintptr_t)allocator, "respire_stats"))
        return allocator;
    /* A copy of respire was asked in LuaJIT's place, so this LuaJIT knows the mark of its own allocator. */
    struct lua_State *own = functions->newstate(INTERNAL_ALLOCATOR, NULL, 0);
    allocator = own ? functions->getallocf(own, &data) : NULL;
    if (own)
        functions->close(own);
    return allocator;
}

bool luajit_probe(const struct lua_functions *functions, struct luajit_facts *facts)
{
    struct lua_State *scratch = functions->open();
    if (!scratch) {
        failure_say("there is not enough memory");
        return false;
    }
    bool narrow = (uint64_t)(uintptr_t)scratch >> 32 == 0;
    bool found = !narrow && find_global(scratch, facts);
    if (narrow)
        failure_say("this LuaJIT was built without GC64: its objects must lie below 2 GiB, where only its own "
                    "allocator finds room");
    facts->stock = found ? find_stock(functions, scratch) : NULL;
    if (found && !facts->stock)
        failure_say("there is not enough memory");
    functions->close(scratch);
    return facts->stock != NULL;
}

struct lua_State *luajit_main_thread(const struct lua_functions *functions, const struct luajit_facts *facts,
                                     struct lua_State *thread)
{
    bool is_main = functions->pushthread(thread) != 0;
    functions->settop(thread, -2);
    uintptr_t global = word_at(thread, facts->global_field);
    struct lua_State *main_thread = (struct lua_State *)(global - facts->global_offset);
    if (is_main == (main_thread == thread) && word_at(main_thread, facts->global_field) == global)
        return main_thread;
    failure_say("this LuaJIT is of an unknown kind: its main thread is not where it was looked for");
    return NULL;
}
