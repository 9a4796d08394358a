/*
 * What the hosts of test_idle.py share: the waits of an event loop by name, states with garbage, and the time that
 * passes.
 */
#ifndef RESPIRE_TESTS_IDLE_H
#define RESPIRE_TESTS_IDLE_H

#include "host.h"

#include "../lua_state.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>

/* Of LuaJIT since 2016; its lua.h on Debian 12 has it, too. */
#ifndef LUA_GCISRUNNING
#define LUA_GCISRUNNING 9
#endif

enum wait_kind { EPOLL_WAIT, EPOLL_PWAIT, EPOLL_PWAIT2, POLL, PPOLL, SELECT, PSELECT, WAIT_KINDS };

static const char *const wait_names[WAIT_KINDS] = {"epoll_wait", "epoll_pwait", "epoll_pwait2", "poll",
                                                   "ppoll",      "select",      "pselect"};

static inline double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static inline enum wait_kind wait_kind(const char *name)
{
    for (int i = 0; i < WAIT_KINDS; i++) {
        if (strcmp(name, wait_names[i]) == 0)
            return (enum wait_kind)i;
    }
    die("no such wait");
    return WAIT_KINDS;
}

/* Wait for input on a descriptor (-1: for nothing); a negative timeout is none. The result of the function. */
static inline int wait_with(enum wait_kind kind, int descriptor, int timeout_ms, const sigset_t *mask)
{
    struct timespec fine = {timeout_ms / 1000, timeout_ms % 1000 * 1000000L};
    struct timespec *limit = timeout_ms < 0 ? NULL : &fine;
    struct timeval coarse = {timeout_ms / 1000, timeout_ms % 1000 * 1000L};
    struct pollfd polled = {.fd = descriptor, .events = POLLIN};
    struct epoll_event event = {.events = EPOLLIN};
    fd_set reading;
    FD_ZERO(&reading);
    if (descriptor >= 0)
        FD_SET(descriptor, &reading);
    int epoll = -1;
    if (kind <= EPOLL_PWAIT2) {
        epoll = epoll_create1(EPOLL_CLOEXEC);
        if (descriptor >= 0)
            epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
    }
    int result = -1;
    switch (kind) {
    case EPOLL_WAIT:
        result = epoll_wait(epoll, &event, 1, timeout_ms);
        break;
    case EPOLL_PWAIT:
        result = epoll_pwait(epoll, &event, 1, timeout_ms, mask);
        break;
    case EPOLL_PWAIT2:
        result = epoll_pwait2(epoll, &event, 1, limit, mask);
        break;
    case POLL:
        result = poll(&polled, 1, timeout_ms);
        break;
    case PPOLL:
        result = ppoll(&polled, 1, limit, mask);
        break;
    case SELECT:
        result = select(descriptor + 1, &reading, NULL, NULL, timeout_ms < 0 ? NULL : &coarse);
        break;
    case PSELECT:
        result = pselect(descriptor + 1, &reading, NULL, NULL, limit, mask);
        break;
    default:
        break;
    }
    int error = errno;
    if (epoll >= 0)
        close(epoll);
    errno = error;
    return result;
}

static inline void idle_ms(int ms)
{
    if (wait_with(EPOLL_WAIT, -1, ms, NULL) != 0)
        die("an event that nobody sent");
}

static inline long number(lua_State *L, const char *global)
{
    lua_getglobal(L, global);
    long value = (long)lua_tonumber(L, -1);
    lua_pop(L, 1);
    return value;
}

static inline long count_kib(lua_State *L)
{
    return lua_gc(L, LUA_GCCOUNT, 0);
}

/* Some 30 MiB of garbage beside 1 MiB of what lives and can be checked. */
static inline void make_garbage(lua_State *L)
{
    run(L, "kept = kept or {} for i = 1, 10000 do kept[i] = {i, 'kept ' .. i} end "
           "local t = {} for i = 1, 100000 do t[i] = {id = i, name = 'record ' .. i, tags = {i}} end");
}

static inline void check_kept(lua_State *L)
{
    run(L, "for i = 1, 10000 do assert(kept[i][1] == i and kept[i][2] == 'kept ' .. i) end");
}

#endif
