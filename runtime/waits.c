/*
 * waits.c: the waits that librespire.so stands in front of: epoll_wait, poll, select and their siblings.
 *
 * Owns their calling conventions: each is brought to nanoseconds and one way of sleeping per family, which event_loop.c
 * uses. In a thread that has nothing to do with Lua, they are handed on as they came, and so are calls that the kernel
 * will refuse. Which function is behind us is looked up with the first call.
 */
#undef _FORTIFY_SOURCE /* or poll() would be a macro */

#include "clock.h"
#include "event_loop.h"
#include "interpose.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/time.h>

/* Longer timeouts are as good as endless. */
#define TIMEOUT_NS_MAX (INT64_MAX / 2)

/* What programs call that were built with _FORTIFY_SOURCE; `bytes` is the length of the array, as far as known. */
EXPORT int __poll_chk(struct pollfd *polled, nfds_t count, int timeout_ms, size_t bytes);
EXPORT int __ppoll_chk(struct pollfd *polled, nfds_t count, const struct timespec *timeout, const sigset_t *mask,
                       size_t bytes);

static void *look_up(void **function, const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    __atomic_store_n(function, found, __ATOMIC_RELAXED);
    return found;
}

/* The function of this name behind us. */
#define NEXT(name) \
    ((__typeof__(&name))(__atomic_load_n(&next_##name, __ATOMIC_RELAXED) ?: look_up(&next_##name, #name)))

static void *next_epoll_wait, *next_epoll_pwait, *next_epoll_pwait2;
static void *next_poll, *next_ppoll, *next_select, *next_pselect;
static void *next___poll_chk, *next___ppoll_chk;

static int64_t from_ms(int timeout_ms)
{
    return timeout_ms < 0 ? -1 : (int64_t)timeout_ms * NS_PER_MS;
}

static int to_ms(int64_t ns)
{
    int64_t ms = ns / NS_PER_MS + (ns % NS_PER_MS > 0);
    return ns < 0 ? -1 : ms > INT_MAX ? INT_MAX : (int)ms;
}

static bool is_valid(const struct timespec *timeout)
{
    return !timeout || (timeout->tv_sec >= 0 && timeout->tv_nsec >= 0 && timeout->tv_nsec < NS_PER_SECOND);
}

static int64_t from_timespec(const struct timespec *timeout)
{
    if (!timeout)
        return -1;
    if (timeout->tv_sec >= TIMEOUT_NS_MAX / NS_PER_SECOND)
        return TIMEOUT_NS_MAX;
    return timeout->tv_sec * NS_PER_SECOND + timeout->tv_nsec;
}

/* NULL where there is no end. */
static struct timespec *to_timespec(int64_t ns, struct timespec *timeout)
{
    timeout->tv_sec = ns / NS_PER_SECOND;
    timeout->tv_nsec = ns % NS_PER_SECOND;
    return ns < 0 ? NULL : timeout;
}

struct epoll_call {
    struct wait wait;
    int descriptor;
    struct epoll_event *events;
    int maximum;
    bool precise; /* epoll_pwait2 */
};

/* epoll says nothing of a signal when it need not wait. */
static int interrupted(int descriptor, const sigset_t *mask)
{
    struct pollfd polled = {.fd = descriptor, .events = POLLIN};
    struct timespec at_once = {0, 0};
    return NEXT(ppoll)(&polled, 1, &at_once, mask);
}

static int sleep_in_epoll(struct wait *wait, int64_t ns, const sigset_t *mask)
{
    struct epoll_call *call = (struct epoll_call *)wait;
    struct timespec timeout;
    if (ns == 0 && mask) {
        int glance = interrupted(call->descriptor, mask);
        if (glance <= 0)
            return glance;
    }
    if (call->precise)
        return NEXT(epoll_pwait2)(call->descriptor, call->events, call->maximum, to_timespec(ns, &timeout), mask);
    if (mask)
        return NEXT(epoll_pwait)(call->descriptor, call->events, call->maximum, to_ms(ns), mask);
    return NEXT(epoll_wait)(call->descriptor, call->events, call->maximum, to_ms(ns));
}

EXPORT int epoll_wait(int descriptor, struct epoll_event *events, int maximum, int timeout_ms)
{
    if (!event_loop_watches())
        return NEXT(epoll_wait)(descriptor, events, maximum, timeout_ms);
    struct epoll_call call = {{sleep_in_epoll, NULL, __builtin_frame_address(0)}, descriptor, events, maximum, false};
    return event_loop_wait(&call.wait, from_ms(timeout_ms));
}

EXPORT int epoll_pwait(int descriptor, struct epoll_event *events, int maximum, int timeout_ms, const sigset_t *mask)
{
    if (!event_loop_watches())
        return NEXT(epoll_pwait)(descriptor, events, maximum, timeout_ms, mask);
    struct epoll_call call = {{sleep_in_epoll, mask, __builtin_frame_address(0)}, descriptor, events, maximum, false};
    return event_loop_wait(&call.wait, from_ms(timeout_ms));
}

EXPORT int epoll_pwait2(int descriptor, struct epoll_event *events, int maximum, const struct timespec *timeout,
                        const sigset_t *mask)
{
    if (!NEXT(epoll_pwait2)) {
        errno = ENOSYS; /* a C library before 2.35 */
        return -1;
    }
    if (!event_loop_watches() || !is_valid(timeout))
        return NEXT(epoll_pwait2)(descriptor, events, maximum, timeout, mask);
    struct epoll_call call = {{sleep_in_epoll, mask, __builtin_frame_address(0)}, descriptor, events, maximum, true};
    return event_loop_wait(&call.wait, from_timespec(timeout));
}

struct poll_call {
    struct wait wait;
    struct pollfd *polled;
    nfds_t count;
    bool precise; /* ppoll */
};

static int sleep_in_poll(struct wait *wait, int64_t ns, const sigset_t *mask)
{
    struct poll_call *call = (struct poll_call *)wait;
    struct timespec timeout;
    if (!call->precise && !mask)
        return NEXT(poll)(call->polled, call->count, to_ms(ns));
    return NEXT(ppoll)(call->polled, call->count, to_timespec(ns, &timeout), mask);
}

EXPORT int poll(struct pollfd *polled, nfds_t count, int timeout_ms)
{
    if (!event_loop_watches())
        return NEXT(poll)(polled, count, timeout_ms);
    struct poll_call call = {{sleep_in_poll, NULL, __builtin_frame_address(0)}, polled, count, false};
    return event_loop_wait(&call.wait, from_ms(timeout_ms));
}

EXPORT int ppoll(struct pollfd *polled, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
    if (!event_loop_watches() || !is_valid(timeout))
        return NEXT(ppoll)(polled, count, timeout, mask);
    struct poll_call call = {{sleep_in_poll, mask, __builtin_frame_address(0)}, polled, count, true};
    return event_loop_wait(&call.wait, from_timespec(timeout));
}

int __poll_chk(struct pollfd *polled, nfds_t count, int timeout_ms, size_t bytes)
{
    if (bytes / sizeof(*polled) < count)
        return NEXT(__poll_chk)(polled, count, timeout_ms, bytes);
    return poll(polled, count, timeout_ms);
}

int __ppoll_chk(struct pollfd *polled, nfds_t count, const struct timespec *timeout, const sigset_t *mask, size_t bytes)
{
    if (bytes / sizeof(*polled) < count)
        return NEXT(__ppoll_chk)(polled, count, timeout, mask, bytes);
    return ppoll(polled, count, timeout, mask);
}

enum { SETS = 3 };

struct select_call {
    struct wait wait;
    int count;
    size_t bytes;         /* of a set, as the kernel counts it; what lies behind isn't touched */
    fd_set *sets[SETS];   /* the caller's; NULL: not given */
    fd_set wanted[SETS];  /* what was in them: a wait that ends empties them */
    bool emptied;
    bool precise;         /* pselect */
};

static int sleep_in_select(struct wait *wait, int64_t ns, const sigset_t *mask)
{
    struct select_call *call = (struct select_call *)wait;
    for (int i = 0; i < SETS && call->emptied; i++) {
        if (call->sets[i])
            memcpy(call->sets[i], &call->wanted[i], call->bytes);
    }
    call->emptied = true;
    struct timespec timeout;
    if (call->precise || mask)
        return NEXT(pselect)(call->count, call->sets[0], call->sets[1], call->sets[2], to_timespec(ns, &timeout), mask);
    struct timeval coarse = {ns / NS_PER_SECOND, (ns % NS_PER_SECOND + 999) / 1000};
    return NEXT(select)(call->count, call->sets[0], call->sets[1], call->sets[2], ns < 0 ? NULL : &coarse);
}

static bool is_for_select(int count)
{
    return event_loop_watches() && count >= 0 && count <= FD_SETSIZE;
}

static void begin_select(struct select_call *call, int count, fd_set *sets[SETS])
{
    call->wait.sleep = sleep_in_select;
    call->count = count;
    call->bytes = ((size_t)count + CHAR_BIT * sizeof(long) - 1) / (CHAR_BIT * sizeof(long)) * sizeof(long);
    call->emptied = false;
    for (int i = 0; i < SETS; i++) {
        call->sets[i] = sets[i];
        if (sets[i])
            memcpy(&call->wanted[i], sets[i], call->bytes);
    }
}

/* What is left of the time goes back to the caller. */
static void reduce(struct timeval *timeout, uint64_t passed_ns)
{
    struct timeval passed = {(time_t)(passed_ns / NS_PER_SECOND), (suseconds_t)(passed_ns % NS_PER_SECOND / 1000)};
    struct timeval whole = {timeout->tv_sec + timeout->tv_usec / 1000000, timeout->tv_usec % 1000000};
    timerclear(timeout);
    if (timercmp(&passed, &whole, <))
        timersub(&whole, &passed, timeout);
}

EXPORT int select(int count, fd_set *reading, fd_set *writing, fd_set *excepting, struct timeval *timeout)
{
    if (!is_for_select(count) || (timeout && (timeout->tv_sec < 0 || timeout->tv_usec < 0)))
        return NEXT(select)(count, reading, writing, excepting, timeout);
    struct select_call call;
    call.wait.mask = NULL;
    call.wait.frame = __builtin_frame_address(0);
    call.precise = false;
    begin_select(&call, count, (fd_set *[]){reading, writing, excepting});
    if (!timeout)
        return event_loop_wait(&call.wait, -1);
    struct timespec whole = {timeout->tv_sec + timeout->tv_usec / 1000000, timeout->tv_usec % 1000000 * 1000};
    uint64_t start_ns = clock_ns();
    int result = event_loop_wait(&call.wait, from_timespec(&whole));
    reduce(timeout, clock_ns() - start_ns);
    return result;
}

EXPORT int pselect(int count, fd_set *reading, fd_set *writing, fd_set *excepting, const struct timespec *timeout,
                   const sigset_t *mask)
{
    if (!is_for_select(count) || !is_valid(timeout))
        return NEXT(pselect)(count, reading, writing, excepting, timeout, mask);
    struct select_call call;
    call.wait.mask = mask;
    call.wait.frame = __builtin_frame_address(0);
    call.precise = true;
    begin_select(&call, count, (fd_set *[]){reading, writing, excepting});
    return event_loop_wait(&call.wait, from_timespec(timeout));
}
