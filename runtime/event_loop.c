/*
 * event_loop.c: hides idle collection in the waits of a thread.
 *
 * Owns what the host must not notice. A wait is handed on as it is, unless it would last longer than this thread still
 * has to be idle. Then it is cut there. If nothing came until the cut and idle_gc.h has something to collect, slices
 * follow, with a glance for events in between; and then the rest of the wait. A thread that is busy pays nothing:
 * neither a look at the clock nor one at its heaps.
 *
 * Signals: from the cut on, all are blocked but in the waits themselves, which unblock them as the caller had them. So
 * one that comes during a slice interrupts the next wait, and is not handled unnoticed before it. Those that a fault
 * raises stay as they are.
 */
#include "event_loop.h"

#include "clock.h"
#include "idle_gc.h"
#include "pressure.h"
#include "settings.h"

#include <pthread.h>
#include <stddef.h>

static _Thread_local struct {
    int64_t until_look_ns; /* idleness that is missing until the next look; 0: look before the next wait */
    bool collecting;       /* a finalizer may wait, too */
} loop;

static void block_signals(sigset_t *before)
{
    static const int raised_by_faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
    sigset_t blocked;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof(raised_by_faults) / sizeof(raised_by_faults[0]); i++)
        sigdelset(&blocked, raised_by_faults[i]);
    pthread_sigmask(SIG_BLOCK, &blocked, before);
}

/* What remains of a wait. */
static int64_t less(int64_t rest_ns, uint64_t passed_ns)
{
    if (rest_ns < 0)
        return -1;
    return (uint64_t)rest_ns > passed_ns ? rest_ns - (int64_t)passed_ns : 0;
}

/* Slices until one heap is done, something has come, or the wait is over. */
static int collect(struct wait *wait, int64_t *rest_ns, const sigset_t *mask)
{
    uint64_t start_ns = clock_ns();
    int64_t whole_ns = *rest_ns;
    int result = 0;
    bool more = true;
    loop.collecting = true;
    while (more && *rest_ns != 0) {
        result = wait->sleep(wait, 0, mask);
        if (result != 0)
            break;
        more = idle_gc_slice();
        *rest_ns = less(whole_ns, clock_ns() - start_ns);
    }
    loop.collecting = false;
    return result;
}

/* The thread is idle. `cut`: it has been for a part of this wait; `long_enough`: for all the time that it takes. */
static int wait_idly(struct wait *wait, int64_t rest_ns, bool cut, bool long_enough)
{
    sigset_t before;
    bool blocked = cut;
    int result = 0;
    if (blocked)
        block_signals(&before);
    for (bool over = false; !over && result == 0;) {
        uint64_t later_ns = 0;
        enum idle_need need = rest_ns == 0 ? IDLE_NOTHING : idle_gc_look(wait->frame, long_enough, &later_ns);
        bool goes_on = need == IDLE_NOW || (need == IDLE_LATER && (rest_ns < 0 || later_ns < (uint64_t)rest_ns));
        if (goes_on && !blocked) {
            block_signals(&before);
            blocked = true;
        }
        const sigset_t *mask = blocked && !wait->mask ? &before : wait->mask;
        over = !goes_on;
        if (need == IDLE_NOW) {
            result = collect(wait, &rest_ns, mask);
            long_enough = false;
        } else {
            int64_t ns = goes_on ? (int64_t)later_ns : rest_ns;
            result = wait->sleep(wait, ns, mask);
            long_enough = goes_on && later_ns >= SETTING(idle_gc_ms) * NS_PER_MS;
            rest_ns = goes_on ? less(rest_ns, later_ns) : 0;
            loop.until_look_ns = need == IDLE_LATER && !goes_on ? (int64_t)later_ns - ns : 0;
        }
    }
    if (blocked)
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

int event_loop_wait(struct wait *wait, int64_t timeout_ns)
{
    int64_t idle_ns = (int64_t)(SETTING(idle_gc_ms) * NS_PER_MS);
    int64_t cut_ns = loop.until_look_ns;
    int result;
    this_turn.turn++;
    if (timeout_ns == 0 || idle_ns == 0 || loop.collecting) {
        result = wait->sleep(wait, timeout_ns, wait->mask);
    } else if (pressure_is_high()) {
        result = wait->sleep(wait, 0, wait->mask);
        if (result == 0)
            result = wait_idly(wait, timeout_ns, false, true);
    } else if (timeout_ns > 0 && timeout_ns <= cut_ns) {
        result = wait->sleep(wait, timeout_ns, wait->mask);
        loop.until_look_ns = cut_ns - timeout_ns;
    } else {
        result = cut_ns > 0 ? wait->sleep(wait, cut_ns, wait->mask) : 0;
        if (result == 0)
            result = wait_idly(wait, less(timeout_ns, (uint64_t)cut_ns), cut_ns > 0, cut_ns >= idle_ns);
    }
    if (result != 0)
        loop.until_look_ns = idle_ns;
    return result;
}
