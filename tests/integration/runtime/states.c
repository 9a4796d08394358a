/*
 * A host of LuaJIT, linked as hosts usually are. `states MODE` does one thing that hosts do; the modes are the
 * functions below.
 */
#include "host.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>

static lua_State *open_state(void)
{
    lua_State *L = luaL_newstate();
    if (!L)
        die("no state");
    luaL_openlibs(L);
    return L;
}

static void run(lua_State *L, const char *code)
{
    if (luaL_dostring(L, code) != 0)
        die(lua_tostring(L, -1));
}

static long number(lua_State *L, const char *global)
{
    lua_getglobal(L, global);
    long value = (long)lua_tonumber(L, -1);
    lua_pop(L, 1);
    return value;
}

#define BURST                                                                                                \
    "local t = {} "                                                                                          \
    "for i = 1, 300000 do t[i] = {id = i, name = 'record ' .. i, tags = {i, i + 1}} end "                    \
    "sum = 0 for i = 1, #t do sum = sum + t[i].id + #t[i].name + t[i].tags[2] end "

#define BURST_SUM (45000150000L + 45000450000L + 300000 * 7 + 1688895)

static void check_burst(lua_State *L)
{
    run(L, BURST);
    if (number(L, "sum") != BURST_SUM)
        die("the burst came to a wrong sum");
}

static void burst(void)
{
    lua_State *L = open_state();
    print("respire", on_respire(L));
    run(L, "keep = {} for i = 1, 1000 do keep[i] = {'survivor ' .. i} end");
    check_burst(L);
    print("peak_kib", rss_kib());
    lua_gc(L, LUA_GCCOLLECT, 0);
    lua_gc(L, LUA_GCCOLLECT, 0);
    sleep_ms(2000);
    print("after_kib", rss_kib());
    run(L, "for i = 1, 1000 do assert(keep[i][1] == 'survivor ' .. i) end");
    check_burst(L);
    lua_close(L);
    print("closed_kib", rss_kib());
}

static void trim(void)
{
    lua_State *L = open_state();
    check_burst(L);
    lua_gc(L, LUA_GCCOLLECT, 0);
    long before_kib = rss_kib();
    size_t returned_bytes = respire_trim ? respire_trim(L) : 0;
    print("returned_kib", (long)(returned_bytes / 1024));
    print("fallen_kib", before_kib - rss_kib());
    struct respire_stats stats;
    if (respire_stats && respire_stats(L, &stats) == 0) {
        print("held_kib", (long)(stats.held_bytes / 1024));
        print("live_bytes", (long)stats.live_bytes);
        print("sum_is_held", stats.live_bytes + stats.free_bytes + stats.meta_bytes == stats.held_bytes);
    }
    print("count_bytes", lua_gc(L, LUA_GCCOUNT, 0) * 1024L + lua_gc(L, LUA_GCCOUNTB, 0));
    check_burst(L);
    sleep_ms(1500);
    lua_close(L);
}

static void new_state(void)
{
    lua_State *L = respire_newstate();
    print("respire", on_respire(L));
    luaL_openlibs(L);
    check_burst(L);
    lua_close(L);
}

/* Protected, as the collector itself may need memory, and with what is there already: a full heap has no room for a
   function to call. */
static int collect(lua_State *L)
{
    lua_getglobal(L, "collectgarbage");
    return lua_pcall(L, 0, 0, 0);
}

/* All memory that the limit leaves, several ways, and on it goes. (Not by a flood of strings: there LuaJIT's collector
   wants memory for a smaller string table before it has freed anything, under every allocator.) */
static void out_of_memory(void)
{
    struct rlimit limit = {(rlim_t)200 << 20, (rlim_t)200 << 20};
    lua_State *L = open_state();
    print("respire", on_respire(L));
    setrlimit(RLIMIT_AS, &limit);
    static const char *const eaters[] = {
        "local t = {} for i = 1, 1e9 do t[i] = {i} end",
        "local s = ('x'):rep(1000) while true do s = s .. s end",
        "local t = {} for i = 1, 1e9 do t[i + 0.5] = i end",
        "local f = {} for i = 1, 1e9 do f[i] = function() return i end end",
        "local ffi = require 'ffi' local t = {} for i = 1, 1e9 do t[i] = ffi.new('char[?]', 5000) end",
    };
    long refused = 0;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < sizeof(eaters) / sizeof(eaters[0]); i++) {
            if (luaL_dostring(L, eaters[i]) == 0)
                die("a script that never ends has ended");
            refused += strstr(lua_tostring(L, -1), "not enough memory") != NULL;
            lua_settop(L, 0);
            for (unsigned tries = 0; tries < 10 && collect(L) != 0; tries++)
                lua_settop(L, 0);
        }
    }
    print("refused", refused);
    run(L, "local t = {} for i = 1, 100000 do t[i] = {i} end sum = t[7][1]");
    print("goes_on", number(L, "sum"));
    lua_close(L);
}

static void many(void)
{
    lua_close(open_state());
    lua_close(open_state());
    sleep_ms(100);
    long mappings = mapping_count();
    long before_kib = rss_kib();
    for (unsigned i = 0; i < 1000; i++) {
        lua_State *L = open_state();
        if (i % 50 == 0)
            run(L, "local t = {} for i = 1, 20000 do t[i] = {i} end");
        lua_close(L);
    }
    lua_State *several[100];
    for (unsigned i = 0; i < 100; i++)
        several[i] = open_state();
    for (unsigned i = 0; i < 100; i++)
        lua_close(several[(i * 37) % 100]);
    sleep_ms(100);
    print("more_mappings", mapping_count() - mappings);
    print("more_kib", rss_kib() - before_kib);
}

static void child_works(lua_State *L)
{
    check_burst(L);
    long peak_kib = rss_kib();
    lua_gc(L, LUA_GCCOLLECT, 0);
    sleep_ms(2000);
    long fallen_kib = peak_kib - rss_kib();
    print("child_respire", on_respire(L));
    print("child_fallen_kib", fallen_kib);
    print("child_threads", status_value("Threads"));
    lua_State *second = open_state();
    check_burst(second);
    lua_close(second);
    lua_close(L);
}

static void forks(void)
{
    lua_State *L = open_state();
    check_burst(L);
    for (unsigned i = 0; i < 3; i++) {
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            child_works(L);
            exit(0);
        }
        check_burst(L);
        int status = -1;
        waitpid(child, &status, 0);
        print("child_status", status);
    }
    check_burst(L);
    lua_close(L);
}

static void *thread_with_state(void *argument)
{
    (void)argument;
    for (unsigned round = 0; round < 3; round++) {
        lua_State *L = open_state();
        if (respire_stats && !on_respire(L))
            die("a thread's state is not on respire");
        check_burst(L);
        lua_gc(L, LUA_GCCOLLECT, 0);
        sleep_ms(300);
        check_burst(L);
        lua_close(L);
    }
    return NULL;
}

static void threads(void)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, thread_with_state, NULL);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    print("done", 1);
}

static size_t own_bytes;

static void *own_allocator(void *data, void *object, size_t old_bytes, size_t new_bytes)
{
    (void)data;
    own_bytes += new_bytes - (object ? old_bytes : 0);
    if (new_bytes == 0) {
        free(object);
        return NULL;
    }
    return realloc(object, new_bytes);
}

static void own(void)
{
    lua_State *L = lua_newstate(own_allocator, NULL);
    luaL_openlibs(L);
    print("respire", on_respire(L));
    check_burst(L);
    print("own_used", own_bytes > 100000);
    void *data;
    print("own_kept", lua_getallocf(L, &data) == own_allocator);
    lua_close(L);
    print("own_left", (long)own_bytes);
}

/* lua_close takes any thread of the state; finalizers run in it and may allocate. */
static void closing(void)
{
    lua_State *L = open_state();
    run(L, "local p = newproxy(true) "
           "getmetatable(p).__gc = function() "
           "local t = {} for i = 1, 100000 do t[i] = {i} end io.write('finalized ', #t, '\\n') end "
           "keep = p");
    lua_State *coroutine = lua_newthread(L);
    check_burst(coroutine);
    print("coroutine_respire", on_respire(coroutine));
    lua_close(coroutine);
    print("closed", 1);
}

int main(int count, char **arguments)
{
    static const struct {
        const char *name;
        void (*function)(void);
    } modes[] = {
        {"burst", burst}, {"trim", trim},       {"new_state", new_state}, {"out_of_memory", out_of_memory},
        {"many", many},   {"forks", forks},     {"threads", threads},     {"own", own},
        {"closing", closing},
    };
    for (size_t i = 0; count == 2 && i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(arguments[1], modes[i].name) == 0) {
            modes[i].function();
            return 0;
        }
    }
    die("usage: states MODE");
}
