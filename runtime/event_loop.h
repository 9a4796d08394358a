/*
 * event_loop.h: one wait of a host's event loop, whichever function it called.
 */
#ifndef RESPIRE_RUNTIME_EVENT_LOOP_H
#define RESPIRE_RUNTIME_EVENT_LOOP_H

#include "heap_user.h"

#include <signal.h>
#include <stdint.h>

struct wait {
    /*
     * Wait once: `ns` nanoseconds at least, rounded up as the function at hand needs it; negative: without end.
     * Meanwhile the thread's signal mask is `mask`; NULL: it stays. The result and errno are those of the function.
     */
    int (*sleep)(struct wait *wait, int64_t ns, const sigset_t *mask);
    const sigset_t *mask; /* what the caller gave; NULL: nothing */
    const void *frame;    /* of the function that the caller called */
};

/* False: the thread has nothing to do with Lua, and its wait is none of our business. */
static inline bool event_loop_watches(void)
{
    return this_turn.thread != 0;
}

/* Wait until sleep() gives something other than 0, or for `timeout_ns`; negative: without end. */
int event_loop_wait(struct wait *wait, int64_t timeout_ns);

#endif
