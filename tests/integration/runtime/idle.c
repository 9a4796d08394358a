/*
 * A host with an event loop that has something to do only now and then. `idle MODE [WAIT]`; the modes are the functions
 * below. What the collector counts is printed by the host itself, before and after it was idle.
 */
#include "idle.h"

#include <sys/wait.h>

static enum wait_kind kind = EPOLL_WAIT;

static long wakeups(void)
{
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nvcsw;
}

static void wait_ms(int ms)
{
    double start_ms = now_ms();
    if (wait_with(kind, -1, ms, NULL) != 0)
        die("an event that nobody sent");
    if (now_ms() - start_ms < ms)
        die("a wait has ended early");
}

/* One long wait, then one in which there is nothing left to do. */
static void one_wait(void)
{
    lua_State *L = open_state();
    print("respire", on_respire(L));
    make_garbage(L);
    print("before_kib", count_kib(L));
    double start_ms = now_ms();
    wait_ms(700);
    print("late_ms", (long)(now_ms() - start_ms) - 700);
    print("after_kib", count_kib(L));
    wait_ms(500);
    long wakeups_before = wakeups();
    wait_ms(1000);
    print("idle_wakeups", wakeups() - wakeups_before);
    print("peak_kib", status_value("VmHWM"));
    print("rss_kib", rss_kib());
    check_kept(L);
    lua_close(L);
}

/* An event loop with a timer: no single wait is as long as idleness has to be. */
static void short_waits(void)
{
    lua_State *L = open_state();
    make_garbage(L);
    print("before_kib", count_kib(L));
    for (double start_ms = now_ms(); now_ms() - start_ms < 1000;)
        wait_ms(7);
    print("after_kib", count_kib(L));
    check_kept(L);
}

/* The timer calls Lua: that is not idleness. */
static void ticking(void)
{
    lua_State *L = open_state();
    make_garbage(L);
    print("before_kib", count_kib(L));
    for (double start_ms = now_ms(); now_ms() - start_ms < 800;) {
        wait_ms(20);
        run(L, "ticks = {(ticks or {0})[1] + 1}");
    }
    print("after_kib", count_kib(L));
}

/* A little garbage again and again, with idleness in between: collecting must not take more than a small share. */
static void little_garbage(void)
{
    lua_State *L = open_state();
    run(L, "kept = {} for i = 1, 1000000 do kept[i] = {i} end");
    lua_gc(L, LUA_GCCOLLECT, 0);
    double start_ms = now_ms();
    wait_ms(1500);
    for (int i = 0; i < 20; i++) {
        run(L, "local t = {} for i = 1, 100 do t[i] = {i} end");
        wait_ms(120);
    }
    print("elapsed_ms", (long)(now_ms() - start_ms));
}

static int panic(lua_State *L)
{
    die(lua_tostring(L, -1));
    return 0;
}

/* 100 finalizers that fail, 100 that make their object live again, 100 that wait, 100 that leave garbage. */
static void finalizers(void)
{
    lua_State *L = open_state();
    lua_atpanic(L, panic);
    lua_gc(L, LUA_GCSTOP, 0); /* or they would run while we allocate */
    run(L, "local ffi = require 'ffi' ffi.cdef 'int poll(void *, unsigned long, int);' "
           "failed, waited, littered, revived = 0, 0, 0, {} "
           "local function with(finalizer) "
           "  for i = 1, 100 do local p = newproxy(true) getmetatable(p).__gc = finalizer end "
           "end "
           "with(function() failed = failed + 1 error('a finalizer that fails') end) "
           "with(function(p) revived[#revived + 1] = p end) "
           "with(function() waited = waited + 1 assert(ffi.C.poll(nil, 0, 1) == 0) end) "
           "with(function() littered = littered + 1 local t = {} for i = 1, 1000 do t[i] = {i} end end)");
    make_garbage(L);
    print("before_kib", count_kib(L));
    lua_gc(L, LUA_GCRESTART, 0);
    int top = lua_gettop(L);
    wait_ms(1500);
    print("after_kib", count_kib(L));
    print("top", lua_gettop(L) - top);
    print("failed", number(L, "failed"));
    print("waited", number(L, "waited"));
    print("littered", number(L, "littered"));
    run(L, "revived_count = #revived "
           "for i = 1, #revived do assert(type(getmetatable(revived[i]).__gc) == 'function') end");
    print("revived", number(L, "revived_count"));
    check_kept(L);
    lua_close(L);
    print("closed", 1);
}

/* A program that has stopped the collector finds it stopped, and nothing collected. */
static void stopped(void)
{
    lua_State *L = open_state();
    run(L, "collectgarbage('stop')");
    make_garbage(L);
    print("before_kib", count_kib(L));
    wait_ms(500);
    print("after_kib", count_kib(L));
    print("running", lua_gc(L, LUA_GCISRUNNING, 0));
    run(L, "collectgarbage('restart')");
    wait_ms(1000);
    print("restarted_kib", count_kib(L));
}

static long calls;

static void count_calls(lua_State *L, lua_Debug *record)
{
    (void)L;
    (void)record;
    calls++;
}

/* A debug hook would be called for our call, too. */
static void hooked(void)
{
    lua_State *L = open_state();
    make_garbage(L);
    print("before_kib", count_kib(L));
    lua_sethook(L, count_calls, LUA_MASKCALL, 0);
    wait_ms(500);
    print("after_kib", count_kib(L));
    print("calls", calls);
    lua_sethook(L, NULL, 0, 0);
    wait_ms(1000);
    print("unhooked_kib", count_kib(L));
}

static void several(void)
{
    lua_State *states[5];
    long before_kib = 0;
    long after_kib = 0;
    for (int i = 0; i < 5; i++) {
        states[i] = open_state();
        make_garbage(states[i]);
        before_kib += count_kib(states[i]);
    }
    wait_ms(1500);
    for (int i = 0; i < 5; i++) {
        after_kib += count_kib(states[i]);
        check_kept(states[i]);
        lua_close(states[i]);
    }
    print("before_kib", before_kib);
    print("after_kib", after_kib);
}

/* Parent and child have a copy of the garbage each. */
static void forked(void)
{
    lua_State *L = open_state();
    make_garbage(L);
    fflush(stdout);
    pid_t child = fork();
    print(child == 0 ? "child_before_kib" : "before_kib", count_kib(L));
    wait_ms(1200);
    print(child == 0 ? "child_after_kib" : "after_kib", count_kib(L));
    check_kept(L);
    if (child == 0)
        exit(0);
    int status = -1;
    waitpid(child, &status, 0);
    print("child_status", status);
}

static void resume_loop(lua_State *L, int waits, int ms)
{
    lua_State *coroutine = lua_newthread(L);
    lua_getglobal(coroutine, "loop");
    lua_pushinteger(coroutine, waits);
    lua_pushinteger(coroutine, ms);
    if (lua_resume(coroutine, 2) != 0)
        die(lua_tostring(coroutine, -1));
    lua_pop(L, 1);
}

/*
 * A coroutine, resumed by C, waits through the FFI. `setting` says whether its loop is compiled; where it is, the
 * second coroutine runs compiled code from its first instruction on, and LuaJIT's notes of its frames are as of before.
 */
static void in_coroutine(const char *setting)
{
    lua_State *L = open_state();
    run(L, setting);
    run(L, "local ffi = require 'ffi' ffi.cdef 'int poll(void *, unsigned long, int);' local C = ffi.C "
           "mine = {} for i = 1, 1000 do mine[i] = {i} end "
           "function loop(waits, ms) "
           "  local mine = mine "
           "  for i = 1, waits do C.poll(nil, 0, ms) mine[i][1] = mine[i][1] + 1 end "
           "end");
    resume_loop(L, 100, 0);
    run(L, "compiled = require('jit.util').traceinfo(1) and 1 or 0");
    print("compiled", number(L, "compiled"));
    make_garbage(L);
    print("before_kib", count_kib(L));
    resume_loop(L, 20, 55);
    resume_loop(L, 2, 400);
    print("inside_kib", count_kib(L));
    run(L, "for i = 1, 1000 do assert(mine[i][1] == i + (i <= 2 and 3 or i <= 20 and 2 or i <= 100 and 1 or 0)) end");
    wait_ms(700);
    print("after_kib", count_kib(L));
    check_kept(L);
}

static void interpreted(void)
{
    in_coroutine("jit.off() jit.flush()");
}

static void compiled(void)
{
    in_coroutine("jit.flush() jit.opt.start('hotloop=2')");
}

/* Coroutines that have yielded to C, have ended or have failed are not running. */
static void left_behind(void)
{
    static const char *const endings[] = {"coroutine.yield(1)", "return 1", "error('dead')"};
    for (unsigned i = 0; i < 3; i++) {
        lua_State *L = open_state();
        lua_State *coroutine = lua_newthread(L);
        make_garbage(L);
        if (luaL_loadstring(coroutine, endings[i]) != 0)
            die("no coroutine");
        lua_resume(coroutine, 0);
        long before_kib = count_kib(L);
        wait_ms(600);
        if (count_kib(L) * 4 > before_kib)
            die(endings[i]);
        /* It goes on as if nothing had been. */
        if (i == 0 && lua_resume(coroutine, 0) != 0)
            die("the coroutine can't go on");
        check_kept(L);
        lua_close(L);
    }
    print("collected", 3);
}

int main(int count, char **arguments)
{
    static const struct {
        const char *name;
        void (*function)(void);
    } modes[] = {
        {"one_wait", one_wait},       {"short_waits", short_waits},
        {"ticking", ticking},         {"little_garbage", little_garbage},
        {"finalizers", finalizers},   {"stopped", stopped},
        {"hooked", hooked},           {"several", several},
        {"forked", forked},           {"interpreted", interpreted},
        {"compiled", compiled},       {"left_behind", left_behind},
    };
    if (count == 3)
        kind = wait_kind(arguments[2]);
    for (size_t i = 0; count >= 2 && i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(arguments[1], modes[i].name) == 0) {
            modes[i].function();
            return 0;
        }
    }
    die("usage: idle MODE [WAIT]");
}
