/*
 * Fork at any moment: `forks CHILDREN`.
 *
 * Threads allocate, each in a state of its own that it closes and makes anew, while one more thread forks.
 * A child has only the thread that forked it: there it goes on in that thread's state, whose data must be as they were,
 * and in a new one, and says by its exit status that all of it was right. A child that hangs is ended by its own alarm.
 *
 * Only the forking thread compiles. LuaJIT tells libgcc of compiled code, under a lock of libgcc's which fork may find
 * taken by another thread; then a child that compiles hangs, whatever the allocator.
 */
#include "lua_host.h"

#include <luajit.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/wait.h>

enum { ALLOCATING_THREADS = 3, CHILD_SECONDS = 20, GOOD = 23 };

static atomic_bool stop;
static atomic_long rounds;

static void *allocate(void *argument)
{
    unsigned seed = (unsigned)(size_t)argument;
    while (!atomic_load(&stop)) {
        lua_State *L = open_state();
        luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
        keep_data(L);
        for (unsigned i = 0; i < 4 && !atomic_load(&stop); i++) {
            burst(L, 500 + rand_r(&seed) % 10000);
            if (rand_r(&seed) % 2)
                collect(L);
            /* Large blocks on mappings of their own come, grow and go. */
            run(L, "local s = ('x'):rep(300000) assert(#(s .. s) == 600000) "
                   "local t = {} for i = 1, 70000 do t[i] = i end");
            check_data(L);
            /* Pauses, so that pages are on their way back when somebody forks. */
            sleep_ms(rand_r(&seed) % 60);
        }
        lua_close(L);
        atomic_fetch_add(&rounds, 1);
    }
    return NULL;
}

static void live_as_child(lua_State *L, long number)
{
    alarm(CHILD_SECONDS);
    check_data(L);
    burst(L, 2000);
    collect(L);
    check_data(L);
    lua_State *own = open_state();
    keep_data(own);
    burst(own, 1000);
    check_data(own);
    if (respire_stats && (!on_respire(L) || !on_respire(own)))
        _exit(1);
    if (number % 2) {
        lua_close(own);
        lua_close(L);
    }
    _exit(GOOD);
}

int main(int count, char **arguments)
{
    long children = count > 1 ? strtol(arguments[1], NULL, 10) : 1;
    pthread_t threads[ALLOCATING_THREADS];
    for (size_t i = 0; i < ALLOCATING_THREADS; i++) {
        if (pthread_create(&threads[i], NULL, allocate, (void *)(i + 1)) != 0)
            die("no thread");
    }
    lua_State *L = open_state();
    keep_data(L);
    long good = 0;
    for (long i = 0; i < children; i++) {
        burst(L, i % 1000);
        pid_t child = fork();
        if (child < 0)
            die("no child");
        if (child == 0)
            live_as_child(L, i);
        int status = 0;
        waitpid(child, &status, 0);
        good += WIFEXITED(status) && WEXITSTATUS(status) == GOOD;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != GOOD)
            print("bad_status", status);
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < ALLOCATING_THREADS; i++)
        pthread_join(threads[i], NULL);
    check_data(L);
    print("good", good);
    print("rounds", atomic_load(&rounds));
    print("count_bytes", count_bytes(L));
    wait_for_test();
    lua_close(L);
    return 0;
}
