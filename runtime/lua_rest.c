/*
 * lua_rest.c: finds out where LuaJIT notes who runs, and reads it.
 *
 * Facts, from LuaJIT's sources since 2013 (lj_obj.h, vm_x64.dasc, lj_state.c):
 *   - cur_L is set whenever a coroutine starts or goes on, and when one that called C or resumed another one goes on.
 *     It is not reset when the last function returns; a coroutine that is freed takes itself out;
 *   - jit_base follows it. It is not 0 exactly while compiled code runs. The frames of that coroutine must not be
 *     walked then: L->base is old;
 *   - a coroutine that has yielded or died of an error has its frames still, and its status says so. Status 5 (error
 *     in error handling) alone occurs in one that runs.
 *
 * The experiments: inside a C function called in coroutine X, cur_L holds X. Two coroutines and the main thread in turn
 * leave one word. Then a loop that allocates runs hot, and the allocator looks at the word behind cur_L: compiled code
 * must have been seen there, unless this LuaJIT compiles nothing. And L->base is the word of a lua_State that equals
 * the top while a C function's stack is empty, and stays when something is pushed.
 */
#include "lua_rest.h"

#include "os_memory.h"

#include <string.h>

enum { STATUS_RUNNABLE = 0, STATUS_ERROR_IN_ERROR = 5 };

/* LuaJIT's lua_Debug has 120 bytes. */
union debug_record {
    char bytes[512];
    void *alignment;
};

/* The state needs some 150 KiB when nothing is ever freed. */
#define SCRATCH_BYTES ((size_t)1 << 20)

/* LuaJIT's first allocation: the main thread, the global state, the compiler. */
#define FIRST_OBJECT_WORDS_MAX 8192

/* LuaJIT's lua_State with GC64. */
#define THREAD_WORDS 12

struct scratch {
    const struct lua_functions *functions;
    size_t used_bytes; /* of what lies behind */
    uintptr_t *words; /* the first object */
    size_t word_count;
    struct lua_State *state;
    struct lua_rest_words found;
    unsigned char excluded[FIRST_OBJECT_WORDS_MAX];
    bool not_base[THREAD_WORDS];
    bool base_seen;    /* the word behind cur_L was not 0 in a call of the allocator */
    bool base_missing; /* ... never, though there was compiled code */
    bool contradicted; /* inside a C function the words said something else */
};

/* The memory of its state lies behind it. */
#define SCRATCH_OFFSET ((sizeof(struct scratch) + 15) & ~(size_t)15)
#define MAPPED_BYTES ((SCRATCH_OFFSET + SCRATCH_BYTES + 4095) & ~(size_t)4095)

static _Thread_local struct scratch *scratch;

/* Two words: cur_L, jit_base. Volatile, since LuaJIT writes them behind the compiler's back. */
static volatile uintptr_t *words_of(struct lua_State *state, struct lua_rest_words words)
{
    return (volatile uintptr_t *)(void *)((char *)state + words.current_offset);
}

struct lua_State *lua_last_run(struct lua_State *state, struct lua_rest_words words)
{
    return (struct lua_State *)words_of(state, words)[0];
}

uintptr_t lua_compiled_base(struct lua_State *state, struct lua_rest_words words)
{
    return words_of(state, words)[1];
}

void lua_set_last_run(struct lua_State *state, struct lua_rest_words words, struct lua_State *last)
{
    words_of(state, words)[0] = (uintptr_t)last;
}

static bool has_frame(const struct lua_functions *functions, struct lua_State *state)
{
    union debug_record record;
    return functions->getstack(state, 0, &record) != 0;
}

bool lua_is_at_rest(const struct lua_functions *functions, struct lua_State *state, struct lua_rest_words words)
{
    if (words_of(state, words)[1] != 0 || has_frame(functions, state))
        return false;
    struct lua_State *last = lua_last_run(state, words);
    if (!last || last == state)
        return true;
    int status = functions->status(last);
    return (status != STATUS_RUNNABLE && status != STATUS_ERROR_IN_ERROR) || !has_frame(functions, last);
}

/* Never frees: the whole goes at the end. */
static void *scratch_allocate(void *data, void *object, size_t old_bytes, size_t new_bytes)
{
    struct scratch *here = data;
    if (here->found.current_offset != 0 && words_of(here->state, here->found)[1] != 0)
        here->base_seen = true;
    if (new_bytes <= old_bytes && object)
        return new_bytes == 0 ? NULL : object;
    size_t bytes = (new_bytes + 15) & ~(size_t)15;
    if (bytes > SCRATCH_BYTES - here->used_bytes)
        return NULL;
    void *fresh = (char *)here + SCRATCH_OFFSET + here->used_bytes;
    if (here->used_bytes == 0) {
        here->words = fresh;
        here->word_count = new_bytes / sizeof(uintptr_t);
    }
    here->used_bytes += bytes;
    if (object)
        memcpy(fresh, object, old_bytes);
    return fresh;
}

/* A C function, called in one coroutine or another: what is not that coroutine's address is not cur_L. */
static int exclude_others(struct lua_State *running)
{
    for (size_t i = 0; i < scratch->word_count; i++)
        scratch->excluded[i] |= ((volatile uintptr_t *)scratch->words)[i] != (uintptr_t)running;
    return 0;
}

static int exclude_in_coroutine(struct lua_State *state)
{
    struct lua_State *coroutine = scratch->functions->newthread(state);
    scratch->functions->pushcclosure(coroutine, exclude_others, 0);
    return scratch->functions->resume(coroutine, 0) == 0 ? 0 : -1;
}

static bool find_current(void)
{
    const struct lua_functions *functions = scratch->functions;
    for (unsigned round = 0; round < 2; round++) {
        if (functions->cpcall(scratch->state, exclude_others, NULL) != 0
            || functions->cpcall(scratch->state, exclude_in_coroutine, NULL) != 0)
            return false;
    }
    size_t found = 0;
    size_t left = 0;
    for (size_t i = 0; i + 1 < scratch->word_count; i++) {
        if (!scratch->excluded[i]) {
            found = i;
            left++;
        }
    }
    if (left != 1)
        return false;
    scratch->found.current_offset = (char *)&scratch->words[found] - (char *)scratch->state;
    return scratch->found.current_offset != 0;
}

/* C functions are never called by compiled code. */
static int compare(struct lua_State *running)
{
    bool at_rest = lua_is_at_rest(scratch->functions, scratch->state, scratch->found);
    scratch->contradicted |= at_rest || words_of(scratch->state, scratch->found)[1] != 0
        || lua_last_run(scratch->state, scratch->found) != running;
    return 0;
}

static int compare_in_coroutine(struct lua_State *state)
{
    struct lua_State *coroutine = scratch->functions->newthread(state);
    scratch->functions->pushcclosure(coroutine, compare, 0);
    return scratch->functions->resume(coroutine, 0) == 0 ? 0 : -1;
}

/* A C function. */
static int exclude_not_base(struct lua_State *running)
{
    volatile uintptr_t *words = (volatile uintptr_t *)(void *)running;
    uintptr_t before[THREAD_WORDS];
    uintptr_t top = 0;
    scratch->functions->settop(running, 0);
    for (size_t i = 0; i < THREAD_WORDS; i++)
        before[i] = words[i];
    scratch->functions->pushnil(running);
    for (size_t i = 0; i < THREAD_WORDS; i++)
        top = words[i] != before[i] ? before[i] : top;
    for (size_t i = 0; i < THREAD_WORDS; i++)
        scratch->not_base[i] |= before[i] != top || words[i] != top;
    return 0;
}

static int exclude_not_base_in_coroutine(struct lua_State *state)
{
    struct lua_State *coroutine = scratch->functions->newthread(state);
    scratch->functions->pushcclosure(coroutine, exclude_not_base, 0);
    return scratch->functions->resume(coroutine, 0) == 0 ? 0 : -1;
}

static void find_base(void)
{
    const struct lua_functions *functions = scratch->functions;
    size_t left = 0;
    size_t found = 0;
    if (functions->cpcall(scratch->state, exclude_not_base, NULL) != 0
        || functions->cpcall(scratch->state, exclude_not_base_in_coroutine, NULL) != 0)
        return;
    for (size_t i = 0; i < THREAD_WORDS; i++) {
        if (!scratch->not_base[i]) {
            found = i;
            left++;
        }
    }
    scratch->found.base_offset = left == 1 ? (ptrdiff_t)(found * sizeof(uintptr_t)) : 0;
}

/* Runs one of the chunks below as a coroutine of C, as hosts do. */
static bool run_chunk(const char *text)
{
    const struct lua_functions *functions = scratch->functions;
    struct lua_State *coroutine = functions->newthread(scratch->state);
    return functions->loadbuffer(coroutine, text, strlen(text), "respire") == 0
        && functions->resume(coroutine, 0) == 0;
}

static const char hot_loop[] = "local kept = {} for i = 1, 1000 do kept[i % 8 + 1] = {i} end";
static const char fails_unless_compiler_is_off[] = "if jit.status() then jit.none.none = 1 end";

/* Fails (by leaving base_missing) when code was or may have been compiled, and the word was 0 all the time. */
static int watch_compiled_code(struct lua_State *state)
{
    (void)state;
    scratch->base_missing = !run_chunk(hot_loop) || !(scratch->base_seen || run_chunk(fails_unless_compiler_is_off));
    return 0;
}

static bool experiment(void)
{
    lua_function *const steps[] = {scratch->functions->openjit, compare, watch_compiled_code, compare,
                                   compare_in_coroutine};
    bool done = find_current();
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && done; i++)
        done = scratch->functions->cpcall(scratch->state, steps[i], NULL) == 0;
    return done && !scratch->base_missing && !scratch->contradicted
        && lua_is_at_rest(scratch->functions, scratch->state, scratch->found);
}

bool lua_rest_learn(const struct lua_functions *functions, struct lua_rest_words *words)
{
    struct scratch *here = os_map(MAPPED_BYTES);
    bool learnt = false;
    if (!here)
        return false;
    here->functions = functions;
    here->state = functions->newstate(scratch_allocate, here, 0);
    if (here->state && here->word_count <= FIRST_OBJECT_WORDS_MAX) {
        scratch = here;
        learnt = experiment();
        if (learnt)
            find_base();
        scratch = NULL;
    }
    if (learnt)
        *words = here->found;
    if (here->state)
        functions->close(here->state);
    os_unmap(here, MAPPED_BYTES);
    return learnt;
}
