/*
 * idle_gc.c: decides whose garbage is collected when, and steps the collector.
 *
 * Owns three decisions.
 *   - May it be? Only the thread that uses a state may step it. In a process with one thread (besides the purger) that
 *     is clear. Else the thread must have opened the state itself and been its only visitor in many turns
 *     (heap_user.h). Nobody may be inside the state (lua_rest.h), nor hold the thread in a signal handler
 *     (signal_frame.h). A program that has stopped the collector has its reasons, and so has one with a debug hook.
 *   - Is it worth it? A collection goes over all that lives. It starts when the state was used since the last one: at
 *     once if half as much as that left has come on top, else such that it takes a tenth of the time (an eighth has
 *     come) or a hundredth at most. Where memory is short, everything comes a step sooner, and idleness need not last.
 *     One that the program has broken into goes on only after PATIENCE times as much quiet as it has taken so far.
 *   - When is it over? After two ends of a cycle: the first cycle may have begun long before and have missed what died
 *     since, and what has a finalizer is only freed by the cycle behind the one that calls it.
 *
 * An error in a finalizer ends its slice and nothing else. LuaJIT's note of who ran last (cur_L) is put back as it was:
 * an FFI callback from the host's C code relies on it in LuaJIT before August 2026.
 */
#include "idle_gc.h"

#include "clock.h"
#include "event_log.h"
#include "pressure.h"
#include "purger.h"
#include "registry.h"
#include "settings.h"
#include "signal_frame.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLICE_NS NS_PER_MS

/* In lua_gc's measure: some 800 objects are swept, or 80 finalizers called, between two looks at the clock. */
#define STEP_KIB 4

#define SHARE 100
#define SHARE_FOR_SOME 10
#define PATIENCE 10
#define CYCLES 2
#define RETRY_NS 10000000u
#define CROWDED_NS 100000000u

/* LuaJIT's lua.h. */
enum { GC_COUNT = 3, GC_STEP = 5, GC_IS_RUNNING = 9, ERROR_NO_MEMORY = 4 };

/* What a slice hands to its C function, which gets no argument but the state. */
static _Thread_local struct {
    struct heap *heap;      /* chosen by the last look */
    bool alone;             /* this was the only thread then */
    struct lua_State *last; /* lua_last_run before the slice */
    bool last_lives;        /* ... and it has not been freed */
    bool ended;             /* the slice reached the end of a cycle */
} slice;

/* When more threads than one were last counted: counting takes a moment. */
static _Atomic uint64_t crowded_ns;
static _Atomic pid_t crowded_process;

/* Field 20 of /proc/self/stat (proc(5)), counted from behind the name, which may hold anything. 0: it can't be read. */
static unsigned long count_threads(void)
{
    char text[1024];
    int descriptor = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return 0;
    ssize_t bytes = read(descriptor, text, sizeof(text) - 1);
    close(descriptor);
    text[bytes > 0 ? bytes : 0] = '\0';
    const char *at = strrchr(text, ')');
    for (unsigned field = 2; at && field < 20; field++)
        at = strchr(at + 1, ' ');
    return at ? strtoul(at, NULL, 10) : 0;
}

static bool is_only_thread(void)
{
    uint64_t now = clock_ns();
    uint64_t crowded = atomic_load(&crowded_ns);
    if (now - crowded < CROWDED_NS && atomic_load(&crowded_process) == getpid())
        return false;
    if (count_threads() == (purger_runs() ? 2 : 1))
        return true;
    atomic_store(&crowded_process, getpid());
    atomic_store(&crowded_ns, now);
    return false;
}

static struct lua_State *state_of(const struct heap *heap)
{
    return (struct lua_State *)(uintptr_t)heap->image.state_address;
}

/* One look through all heaps. */
struct look {
    uint64_t now_ns;
    uint64_t later_ns; /* the soonest that one becomes due */
    bool idle;         /* as of idle_gc_look */
    bool any_user;     /* this is the only thread */
    bool news_at_home; /* something has happened in a heap of this thread's */
    bool news;         /* ... in any heap */
};

static bool has_news(const struct heap *heap)
{
    const struct heap_idle *idle = &heap->idle;
    return heap->image.state_address != 0 && !idle->refused && !atomic_load(&heap->user.stranded)
        && idle->passed_turn != this_turn.turn && (idle->cycles_left > 0 || idle->collected != heap_activity(heap));
}

/* Only reads: the heap may be another thread's. */
static bool gather_news(struct heap *heap, void *data)
{
    struct look *look = data;
    bool news = has_news(heap);
    look->news |= news;
    look->news_at_home |= news && heap_user_is_home(&heap->user);
    return look->news_at_home;
}

/* What the collector counts; it may be asked at any time. */
static int count_kib(const struct heap *heap)
{
    return heap->functions.gc(state_of(heap), GC_COUNT, 0);
}

/* What part of the time the next collection may take, by how much has come on top of what the last one left. 0: all. */
static uint64_t share(const struct heap *heap)
{
    int left_kib = heap->idle.after_kib;
    int come_kib = count_kib(heap) - left_kib;
    bool eager = pressure_is_high();
    if (left_kib == 0 || come_kib > left_kib / (eager ? 8 : 2))
        return 0;
    return eager || come_kib > left_kib / 8 ? SHARE_FOR_SOME : SHARE;
}

static uint64_t needed_quiet_ns(void)
{
    return pressure_is_high() ? 0 : SETTING(idle_gc_ms) * NS_PER_MS;
}

/* When the next slice may be run, if the state stays as it was seen. */
static uint64_t due_ns(const struct heap *heap)
{
    const struct heap_idle *idle = &heap->idle;
    uint64_t quiet_ns = needed_quiet_ns();
    uint64_t paid_ns = 0;
    if (idle->cycles_left == 0)
        paid_ns = idle->ended_ns + idle->took_ns * share(heap);
    if (idle->cycles_left > 0 && idle->paused != idle->seen && quiet_ns < idle->took_ns * PATIENCE)
        quiet_ns = idle->took_ns * PATIENCE;
    quiet_ns += idle->quiet_since_ns;
    return quiet_ns > paid_ns ? quiet_ns : paid_ns;
}

static bool is_due(struct heap *heap, void *data)
{
    struct look *look = data;
    struct heap_idle *idle = &heap->idle;
    if (!has_news(heap) || !(look->any_user || heap_user_is_home(&heap->user)))
        return false;
    if (heap_activity(heap) != idle->seen) {
        idle->seen = heap_activity(heap);
        idle->quiet_since_ns = look->now_ns - (look->idle ? needed_quiet_ns() : 0);
    }
    uint64_t due = due_ns(heap);
    if (due > look->now_ns && due - look->now_ns < look->later_ns)
        look->later_ns = due - look->now_ns;
    return due <= look->now_ns;
}

/* The words found for another heap of the same LuaJIT hold here: that one lives, so it is the same library still. */
static bool knows_words(struct heap *heap, void *data)
{
    const struct heap *pupil = data;
    return heap->idle.words.current_offset != 0 && heap->functions.newstate == pupil->functions.newstate;
}

static bool learn_words(struct heap *heap)
{
    struct heap *teacher;
    if (heap->idle.words.current_offset != 0)
        return true;
    registry_search(true, knows_words, heap, &teacher);
    if (teacher)
        heap->idle.words = teacher->idle.words;
    else
        heap->idle.refused = !heap->functions.can_step || !lua_rest_learn(&heap->functions, &heap->idle.words);
    if (heap->idle.refused)
        event_log("heap %p is never collected while idle: this LuaJIT doesn't show who runs", (void *)heap);
    return !heap->idle.refused;
}

static bool may_step(struct heap *heap)
{
    struct lua_State *state = state_of(heap);
    const struct lua_functions *functions = &heap->functions;
    return lua_is_at_rest(functions, state, heap->idle.words) && functions->gc(state, GC_IS_RUNNING, 0) == 1
        && functions->gethookmask(state) == 0;
}

static void begin(struct heap *heap, bool alone)
{
    struct heap_idle *idle = &heap->idle;
    if (idle->cycles_left == 0) {
        idle->slices = 0;
        idle->errors = 0;
        idle->longest_ns = 0;
        idle->took_ns = 0;
        idle->before_kib = count_kib(heap);
    }
    if (idle->cycles_left == 0 || idle->paused != idle->seen)
        idle->cycles_left = CYCLES;
    slice.heap = heap;
    slice.alone = alone;
}

static enum idle_need choose(struct look *look)
{
    for (;;) {
        struct heap *heap = NULL;
        registry_search(true, is_due, look, &heap);
        if (!heap)
            return look->later_ns == UINT64_MAX ? IDLE_NOTHING : IDLE_LATER;
        if (learn_words(heap) && may_step(heap)) {
            begin(heap, look->any_user);
            return IDLE_NOW;
        }
        heap->idle.passed_turn = this_turn.turn;
    }
}

static enum idle_need look_around(const void *frame, struct look *look)
{
    struct heap *found;
    /* Should this be a signal handler, the lock may be taken by what it has interrupted. */
    if (!registry_search(false, gather_news, look, &found)) {
        look->later_ns = RETRY_NS;
        return IDLE_LATER;
    }
    if (!look->news)
        return IDLE_NOTHING;
    look->any_user = is_only_thread();
    if (!(look->any_user || look->news_at_home) || in_signal_handler(frame))
        return IDLE_NOTHING;
    return choose(look);
}

enum idle_need idle_gc_look(const void *frame, bool idle, uint64_t *later_ns)
{
    struct look look = {.now_ns = clock_ns(), .later_ns = UINT64_MAX, .idle = idle};
    int error = errno;
    int cancel;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
    enum idle_need need = look_around(frame, &look);
    pthread_setcancelstate(cancel, NULL);
    *later_ns = look.later_ns;
    errno = error;
    return need;
}

/* Called by Lua, so that errors stay inside. */
static int step(struct lua_State *state)
{
    struct heap *heap = slice.heap;
    uint64_t end_ns = clock_ns() + SLICE_NS;
    /* A coroutine that is freed while it is noted as the last one takes itself out. */
    lua_set_last_run(state, heap->idle.words, slice.last);
    do {
        slice.ended = heap->functions.gc(state, GC_STEP, STEP_KIB) == 1;
    } while (!slice.ended && clock_ns() < end_ns);
    slice.last_lives = lua_last_run(state, heap->idle.words) == slice.last;
    return 0;
}

/* False: Lua has no memory for as much as calling a function. */
static bool step_protected(struct heap *heap)
{
    struct lua_State *state = state_of(heap);
    slice.last = lua_last_run(state, heap->idle.words);
    slice.last_lives = false;
    slice.ended = false;
    int status = heap->functions.cpcall(state, step, NULL);
    if (slice.last_lives)
        lua_set_last_run(state, heap->idle.words, slice.last);
    if (status == 0)
        return true;
    heap->functions.settop(state, -2); /* the error */
    heap->idle.errors++;
    return status != ERROR_NO_MEMORY;
}

static void end(struct heap *heap)
{
    struct heap_idle *idle = &heap->idle;
    idle->cycles_left = 0;
    idle->ended_ns = clock_ns();
    idle->after_kib = count_kib(heap);
    idle->collected = idle->seen;
    event_log("heap %p collected while idle: %u slices, %.1f ms, longest %.1f ms, %d KiB before, %d KiB after, "
              "%u errors in finalizers",
              (void *)heap, idle->slices, (double)idle->took_ns / 1e6, (double)idle->longest_ns / 1e6, idle->before_kib,
              idle->after_kib, idle->errors);
}

/* Some other thread has come to the state, unseen so far, where only this one ever was. */
static bool is_used_elsewhere(struct heap *heap)
{
    if (heap_activity(heap) != heap->idle.seen)
        heap_user_note_shared(&heap->user);
    return !heap_user_is_home(&heap->user);
}

static bool run_slice(struct heap *heap)
{
    struct heap_idle *idle = &heap->idle;
    if (!slice.alone && is_used_elsewhere(heap))
        return false;
    if (!may_step(heap))
        return false;
    uint64_t start_ns = clock_ns();
    bool goes_on = step_protected(heap);
    uint64_t ns = clock_ns() - start_ns;
    idle->slices++;
    idle->took_ns += ns;
    if (ns > idle->longest_ns)
        idle->longest_ns = ns;
    idle->seen = heap_activity(heap);
    idle->paused = idle->seen;
    if (slice.ended && --idle->cycles_left == 0)
        end(heap);
    return goes_on && idle->cycles_left > 0;
}

bool idle_gc_slice(void)
{
    int error = errno;
    int cancel;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
    bool more = run_slice(slice.heap);
    if (!more)
        slice.heap->idle.passed_turn = this_turn.turn;
    pthread_setcancelstate(cancel, NULL);
    errno = error;
    return more;
}
