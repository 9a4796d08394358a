/*
 * A host under the limits that a system sets: `limits MODE`, each of which is a function below.
 *
 * The modes print what the host itself sees: its resident size, its threads' time, what Lua's errors said.
 */
#include "lua_host.h"

#include <dirent.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { ROOM_MIB = 96, RECORDS = 250000, CGROUP_STATES = 4 };

static void set_address_space(long mib)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    if (mib > 0)
        limit.rlim_cur = (rlim_t)(status_value("VmSize") / 1024 + mib) << 20;
    if (setrlimit(RLIMIT_AS, &limit) != 0)
        die("setrlimit");
}

/* Protected, as the collector itself may need memory, and with what is there already. */
static void collect_when_full(lua_State *L)
{
    int status = 1;
    for (unsigned tries = 0; tries < 10 && status != 0; tries++) {
        lua_getglobal(L, "collectgarbage");
        status = lua_pcall(L, 0, 0, 0);
        lua_settop(L, 0);
    }
}

/* All memory there is, in several ways. What each ended with is counted; what Lua held then is printed. */
static void eat_everything(lua_State *L)
{
    static const char *const eaters[] = {
        "local t = {} for i = 1, 1e9 do t[i] = {i} end",
        "local s = ('x'):rep(1000) while true do s = s .. s end",
        "local t = {} for i = 1, 1e9 do t[i + 0.5] = i end",
        "local f = {} for i = 1, 1e9 do f[i] = function() return i end end",
        "local ffi = require 'ffi' local t = {} for i = 1, 1e9 do t[i] = ffi.new('char[?]', 5000) end",
        "local ffi = require 'ffi' local t = {} for i = 1, 1e9 do t[i] = ffi.new('char[?]', 3e6) end",
    };
    long refused = 0;
    for (size_t i = 0; i < sizeof(eaters) / sizeof(eaters[0]); i++) {
        if (luaL_dostring(L, eaters[i]) == 0)
            die("a script that never ends has ended");
        const char *message = lua_tostring(L, -1);
        if (message && strstr(message, "not enough memory"))
            refused++;
        else
            printf("other_error %s\n", message ? message : "nil");
        print("held_when_refused_kib", count_bytes(L) / 1024);
        lua_settop(L, 0);
        collect_when_full(L);
        check_data(L);
    }
    print("refused", refused);
}

static void limit_address_space(bool first)
{
    if (first)
        set_address_space(ROOM_MIB);
    lua_State *L = open_state();
    keep_data(L);
    if (!first)
        set_address_space(ROOM_MIB);
    eat_everything(L);
    eat_everything(L);
    burst(L, RECORDS / 10);
    print("count_bytes", count_bytes(L));
    wait_for_test();
    set_address_space(0);
    burst(L, 4 * RECORDS);
    check_data(L);
    print("raised_peak_kib", status_value("VmHWM"));
    lua_State *second = open_state();
    burst(second, RECORDS / 10);
    lua_close(second);
    lua_close(L);
}

static void address_space(void)
{
    limit_address_space(false);
}

static void address_space_first(void)
{
    limit_address_space(true);
}

/* One state after the other is large for a moment, and then lives on with little. */
static void cgroup(void)
{
    lua_State *states[CGROUP_STATES];
    for (size_t i = 0; i < CGROUP_STATES; i++) {
        states[i] = open_state();
        keep_data(states[i]);
        burst(states[i], RECORDS);
        collect(states[i]);
        print("count_bytes", count_bytes(states[i]));
        if (i == 0)
            wait_for_test();
        sleep_ms(1500);
        print("rss_kib", rss_kib());
    }
    wait_for_test();
    for (size_t i = 0; i < CGROUP_STATES; i++)
        check_data(states[i]);
}

/* Time on the CPU of the threads that this host did not start, in microseconds. */
static long other_threads_us(void)
{
    DIR *tasks = opendir("/proc/self/task");
    long long total_ns = 0;
    for (struct dirent *task = tasks ? readdir(tasks) : NULL; task; task = readdir(tasks)) {
        char path[300];
        long long ns = 0;
        if (task->d_name[0] == '.' || strtol(task->d_name, NULL, 10) == getpid())
            continue;
        snprintf(path, sizeof(path), "/proc/self/task/%s/schedstat", task->d_name);
        FILE *file = fopen(path, "r");
        if (file && fscanf(file, "%lld", &ns) == 1)
            total_ns += ns;
        if (file)
            fclose(file);
    }
    if (tasks)
        closedir(tasks);
    return (long)(total_ns / 1000);
}

static long purged_kib(lua_State *L)
{
    struct respire_stats stats = {0};
    if (respire_stats)
        respire_stats(L, &stats);
    return (long)(stats.purged_bytes / 1024);
}

/* A burst of which a few records, spread over all of its pages, live on. */
static void burst_with_survivors(lua_State *L)
{
    run(L, "local t = {} survivors = {} "
           "for i = 1, 250000 do t[i] = {id = i, name = 'record ' .. i, tags = {i, i + 1}} end "
           "for i = 1, 250000, 500 do survivors[#survivors + 1] = t[i] end");
}

static void check_survivors(lua_State *L)
{
    run(L, "assert(#survivors == 500) "
           "for i = 1, 500 do local s = survivors[i] assert(s.name == 'record ' .. s.id and s.tags[1] == s.id) end");
}

/* Locked pages can't be discarded: the kernel refuses, and the runtime has to live with it. */
static void locked(void)
{
    lua_State *L = open_state();
    keep_data(L);
    if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
        die("mlockall");
    burst_with_survivors(L);
    print("count_bytes", count_bytes(L));
    wait_for_test();
    collect(L);
    long before_kib = rss_kib();
    long purged_before_kib = purged_kib(L);
    print("peak_kib", before_kib);
    sleep_ms(1500);
    long busy_us = other_threads_us();
    sleep_ms(2000);
    print("idle_cpu_us", other_threads_us() - busy_us);
    print("fallen_kib", before_kib - rss_kib());
    print("said_to_be_purged_kib", purged_kib(L) - purged_before_kib);
    check_data(L);
    check_survivors(L);
    for (int round = 0; round < 3; round++) {
        burst_with_survivors(L);
        print("next_peak_kib", rss_kib());
        collect(L);
        sleep_ms(700);
    }
    munlockall();
    sleep_ms(1500);
    if (respire_trim)
        respire_trim(L);
    print("unlocked_kib", rss_kib());
    check_data(L);
    check_survivors(L);
    lua_close(L);
}

int main(int count, char **arguments)
{
    static const struct {
        const char *name;
        void (*function)(void);
    } modes[] = {
        {"address_space", address_space},
        {"address_space_first", address_space_first},
        {"cgroup", cgroup},
        {"locked", locked},
    };
    for (size_t i = 0; count == 2 && i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(arguments[1], modes[i].name) == 0) {
            modes[i].function();
            return 0;
        }
    }
    die("usage: limits MODE");
}
