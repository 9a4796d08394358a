/*
 * purger.c: the thread that gives pages back in the background.
 *
 * Owns the thread's life: all signals blocked, so that a host's handlers never run on it; named "respire"; started by
 * the first need, and again after a fork by the next. It makes a pass each step of the decay as long as passes
 * find something to look at, and else sleeps on a futex without any timeout. The futex, rather than a condition
 * variable, because a child of fork must be able to start over with it whatever the parent's thread was doing.
 */
#include "purger.h"

#include "pressure.h"
#include "registry.h"
#include "settings.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define STACK_BYTES ((size_t)256 * 1024)

/* The least that the option takes. */
#define EAGER_DECAY_MS 500

static atomic_bool running;
static atomic_uint wakes;   /* a futex: counts purger_wake calls */
static atomic_uint changes; /* a futex: counts changes of the settings */
static atomic_bool asleep;  /* the thread waits for a wake, or is about to */

/* Until the futex is no longer `seen`, at most `limit_ms`; 0: without limit. */
static void sleep_on(atomic_uint *futex, unsigned seen, uint64_t limit_ms)
{
    struct timespec limit = {.tv_sec = (time_t)(limit_ms / 1000), .tv_nsec = (long)(limit_ms % 1000 * 1000000)};
    syscall(SYS_futex, futex, FUTEX_WAIT_PRIVATE, seen, limit_ms > 0 ? &limit : NULL, NULL, 0);
}

static void wake_sleepers(atomic_uint *futex)
{
    int error = errno;
    syscall(SYS_futex, futex, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
    errno = error;
}

/* A step of the decay; where memory is short, of the shortest one that there is. */
static uint64_t step_ms(void)
{
    uint64_t decay_ms = SETTING(decay_ms);
    if (pressure_is_high() && decay_ms > EAGER_DECAY_MS)
        decay_ms = EAGER_DECAY_MS;
    return decay_ms / DECAY_STEPS;
}

/* A step of the decay since the last pass, whatever the decay becomes meanwhile. */
static void rest_between_passes(void)
{
    uint64_t last_ms = clock_ms();
    for (;;) {
        unsigned seen = atomic_load(&changes);
        uint64_t pause_ms = step_ms();
        uint64_t rested_ms = clock_ms() - last_ms;
        if (rested_ms >= pause_ms)
            return;
        pause_ms -= rested_ms;
        if (pressure_has_goal() && pause_ms > PRESSURE_LOOK_MS)
            pause_ms = PRESSURE_LOOK_MS;
        sleep_on(&changes, seen, pause_ms);
        pressure_look();
    }
}

/* There is nothing to purge, but a growing program may come to be above its goal. One that rests does not. */
static bool busy_under_goal(void)
{
    return SETTING(background) && pressure_has_goal() && registry_was_active();
}

static void *purge_forever(void *unused)
{
    (void)unused;
    pthread_setname_np(pthread_self(), "respire");
    for (;;) {
        unsigned seen = atomic_load(&wakes);
        pressure_look();
        if (SETTING(background) && registry_purge()) {
            rest_between_passes();
        } else {
            atomic_store(&asleep, true);
            sleep_on(&wakes, seen, busy_under_goal() ? PRESSURE_LOOK_MS : 0);
            atomic_store(&asleep, false);
        }
    }
    return NULL;
}

/* Needs little stack, but the host's thread-local storage is cut from it: the default size where ours won't do. */
static bool create_thread(void)
{
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    int error = pthread_create(&thread, &attributes, purge_forever, NULL);
    pthread_attr_destroy(&attributes);
    if (error == EINVAL) {
        error = pthread_create(&thread, NULL, purge_forever, NULL);
        if (error == 0)
            pthread_detach(thread);
    }
    return error == 0;
}

static void start(void)
{
    int error = errno;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool created = create_thread();
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    /* Not created (a limit on processes): tried again with the next need. */
    if (!created)
        atomic_store(&running, false);
    errno = error;
}

void purger_wake(void)
{
    if (!SETTING(background))
        return;
    if (!atomic_exchange(&running, true))
        start();
    /* Counted first, looked at second: a thread that falls asleep right now finds the count changed. */
    atomic_fetch_add(&wakes, 1);
    if (atomic_load(&asleep))
        wake_sleepers(&wakes);
}

void purger_settings_changed(void)
{
    atomic_fetch_add(&changes, 1);
    wake_sleepers(&changes);
}

bool purger_runs(void)
{
    return atomic_load(&running);
}

void purger_forget(void)
{
    atomic_store(&running, false);
    atomic_store(&asleep, false);
}
