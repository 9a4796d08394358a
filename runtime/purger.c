/*
 * purger.c: the thread that gives pages back in the background.
 *
 * Owns the thread's life: all signals blocked, so that a host's handlers never run on it; named "respire"; started by
 * the first heap, and again after a fork by the first need. It makes a pass each half decay as long as passes find
 * something to look at, and else sleeps on a futex without any timeout. The futex, rather than a condition
 * variable, because a child of fork must be able to start over with it whatever the parent's thread was doing.
 */
#include "purger.h"

#include "registry.h"

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

static atomic_bool enabled;
static atomic_bool running;
static atomic_uint wakes; /* the futex: counts purger_wake calls */
static _Atomic uint64_t pass_ms;

static void sleep_until_woken(unsigned seen)
{
    syscall(SYS_futex, &wakes, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

static void *purge_forever(void *unused)
{
    (void)unused;
    pthread_setname_np(pthread_self(), "respire");
    for (;;) {
        unsigned seen = atomic_load(&wakes);
        if (registry_purge()) {
            uint64_t ms = atomic_load(&pass_ms);
            struct timespec pause = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000 * 1000000)};
            clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
        } else {
            sleep_until_woken(seen);
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
    /* Not created (a limit on processes): tried again with the next heap or the next need. */
    if (!created)
        atomic_store(&running, false);
    errno = error;
}

void purger_enable(uint64_t decay_ms)
{
    atomic_store(&pass_ms, decay_ms / 2);
    atomic_store(&enabled, true);
}

void purger_wake(void)
{
    if (!atomic_load(&enabled))
        return;
    if (!atomic_exchange(&running, true))
        start();
    atomic_fetch_add(&wakes, 1);
    int error = errno;
    syscall(SYS_futex, &wakes, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
    errno = error;
}

void purger_forget(void)
{
    atomic_store(&running, false);
}
