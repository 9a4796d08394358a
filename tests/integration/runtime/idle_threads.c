/*
 * Hosts with several threads, each in an event loop of its own. `idle_threads MODE`; the modes are the functions below.
 * A thread that collects a state which another one may enter is found out by the state's finalizers, which know who may
 * be inside; and by the data, which is checked all the time.
 */
#include "idle.h"

#include <stdatomic.h>
#include <stdbool.h>

enum { THREADS = 4, TURNS_AT_HOME = 40 };

static atomic_bool stop;

/* Who may be inside the state; 0: nobody. */
static _Atomic pthread_t holder;
static atomic_long trespasses;

static int finalize(lua_State *L)
{
    (void)L;
    if (atomic_load(&holder) != pthread_self())
        atomic_fetch_add(&trespasses, 1);
    return 0;
}

static lua_State *open_guarded_state(void)
{
    lua_State *L = open_state();
    lua_pushcfunction(L, finalize);
    lua_setglobal(L, "finalize");
    run(L, "local model = newproxy(true) getmetatable(model).__gc = finalize "
           "function guard() for i = 1, 1000 do newproxy(model) end end");
    atomic_store(&holder, pthread_self());
    return L;
}

/* Work that leaves a MiB of garbage and checks what lives. */
static void work(lua_State *L)
{
    run(L, "mine = mine or {} "
           "for i = 1, 2000 do "
           "  local m = mine[i] or {0, {}} m[1] = m[1] + 1 m[2] = {m[1], 'turn ' .. m[1]} mine[i] = m "
           "end "
           "for i = 1, 2000 do assert(mine[i][1] == mine[1][1] and mine[i][2][2] == 'turn ' .. mine[1][1]) end "
           "if guard then guard() end");
}

static void turns(lua_State *L, int count)
{
    for (int i = 0; i < count; i++) {
        work(L);
        idle_ms(1);
    }
}

static void *own_state(void *unused)
{
    (void)unused;
    lua_State *L = open_state();
    turns(L, TURNS_AT_HOME);
    make_garbage(L);
    long before_kib = count_kib(L);
    idle_ms(1800);
    long after_kib = count_kib(L);
    work(L);
    check_kept(L);
    lua_close(L);
    return (void *)(uintptr_t)(before_kib / (after_kib > 0 ? after_kib : 1));
}

/* Every thread has a state of its own, and stays at home in it. */
static void own(void)
{
    pthread_t threads[THREADS];
    long shrunk = 0;
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, own_state, NULL);
    for (int i = 0; i < THREADS; i++) {
        void *times;
        pthread_join(threads[i], &times);
        shrunk += (uintptr_t)times >= 4;
    }
    print("threads", THREADS);
    print("shrunk", shrunk);
}

static void *work_until_stopped(void *argument)
{
    long rounds = 0;
    atomic_store(&holder, pthread_self());
    while (!atomic_load(&stop)) {
        work(argument);
        rounds++;
        sleep_ms(rounds % 8 == 0 ? 150 : 0);
    }
    return (void *)(uintptr_t)rounds;
}

/* `turns_before` turns in this thread, then another one has the state for ever, while this one goes on waiting. */
static void hand_over(int turns_before)
{
    pthread_t thread;
    void *rounds;
    lua_State *L = open_guarded_state();
    turns(L, turns_before);
    print("respire", on_respire(L));
    pthread_create(&thread, NULL, work_until_stopped, L);
    idle_ms(2000);
    atomic_store(&stop, true);
    pthread_join(thread, &rounds);
    print("rounds", (long)(uintptr_t)rounds);
    print("trespasses", trespasses);
    work(L);
}

static void handed_over(void)
{
    hand_over(1);
}

/* This thread had good reasons to take the state for its own. */
static void handed_over_late(void)
{
    hand_over(TURNS_AT_HOME);
}

static lua_State *shared;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *use_shared(void *argument)
{
    unsigned seed = (unsigned)(uintptr_t)argument;
    long rounds = 0;
    for (; !atomic_load(&stop); rounds++) {
        pthread_mutex_lock(&mutex);
        atomic_store(&holder, pthread_self());
        work(shared);
        make_garbage(shared);
        atomic_store(&holder, 0);
        pthread_mutex_unlock(&mutex);
        idle_ms(rand_r(&seed) % 200);
    }
    return (void *)(uintptr_t)rounds;
}

static void *stop_later(void *unused)
{
    (void)unused;
    sleep_ms(4000);
    atomic_store(&stop, true);
    sleep_ms(300); /* nobody is alone before all know it */
    return NULL;
}

/* A state for all, under a mutex, as Traffic Server has it. The threads leave it alone for long enough that each could
   take it for its own, first of all the one that made it. */
static void pool(void)
{
    pthread_t thread, clock;
    void *rounds;
    shared = open_guarded_state();
    turns(shared, TURNS_AT_HOME);
    pthread_create(&thread, NULL, use_shared, (void *)(uintptr_t)1);
    pthread_create(&clock, NULL, stop_later, NULL);
    print("rounds", (long)(uintptr_t)use_shared((void *)(uintptr_t)2));
    pthread_join(thread, &rounds);
    pthread_join(clock, NULL);
    print("rounds_of_other", (long)(uintptr_t)rounds);
    print("trespasses", trespasses);
    atomic_store(&holder, pthread_self());
    make_garbage(shared);
    check_kept(shared);
    print("before_kib", count_kib(shared));
    /* The other is gone: now it may be collected. */
    idle_ms(1500);
    print("after_kib", count_kib(shared));
    check_kept(shared);
    work(shared);
}

int main(int count, char **arguments)
{
    static const struct {
        const char *name;
        void (*function)(void);
    } modes[] = {
        {"own", own}, {"handed_over", handed_over}, {"handed_over_late", handed_over_late}, {"pool", pool},
    };
    for (size_t i = 0; count == 2 && i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(arguments[1], modes[i].name) == 0) {
            modes[i].function();
            return 0;
        }
    }
    die("usage: idle_threads MODE");
}
