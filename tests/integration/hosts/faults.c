/*
 * A host whose runtime is refused what it asks of the kernel: `faults KIND`, the kinds being those of refusing.h.
 *
 * Each call, every other, every fifth: Lua may run out of memory, but must say nothing else, and have all data
 * afterwards. When the refusals end, everything works again, and memory goes back as ever.
 */
#include "lua_host.h"
#include "refusing.h"

#pragma weak refusing_set
#pragma weak refusing_count

enum { ROUNDS = 25 };

static void refuse(const char *kind, long every)
{
    if (refusing_set)
        refusing_set(kind, every);
}

static long refused_or_wrong(lua_State *L)
{
    const char *message = lua_tostring(L, -1);
    if (message && strstr(message, "not enough memory"))
        return 1;
    printf("other_error %s\n", message ? message : "nil");
    return 0;
}

/* Loads that ask the allocator for small blocks, large ones, and blocks that grow and shrink. */
static long work(lua_State *L, unsigned round)
{
    static const char *const loads[] = {
        "local t = {} for i = 1, 30000 do t[i] = {i, tostring(i)} end "
        "for i = 1, 30000 do assert(t[i][2] == tostring(i)) end",
        "local s = ('0123456789'):rep(40000) for i = 1, 5 do s = s:sub(2) .. s:sub(1, 1) end assert(#s == 400000)",
        "local t = {} for i = 1, 200000 do t[i] = i end for i = 1, 200000 do assert(t[i] == i) end",
        "local t = {} for i = 1, 60000 do t['k' .. i % 3000] = {i} end "
        "for i = 57001, 60000 do assert(t['k' .. i % 3000][1] == i) end",
        "local f = {} for i = 1, 20000 do f[i] = function() return i end end "
        "for i = 1, 20000 do assert(f[i]() == i) end",
        "collectgarbage()",
    };
    long out_of_memory = 0;
    if (luaL_dostring(L, loads[round % (sizeof(loads) / sizeof(loads[0]))]) != 0)
        out_of_memory = refused_or_wrong(L);
    lua_settop(L, 0);
    return out_of_memory;
}

static int open_libraries(lua_State *L)
{
    luaL_openlibs(L);
    return 0;
}

/* While the runtime is refused, a new state is none, or it works or runs out of memory. */
static void try_new_state(void)
{
    lua_State *L = luaL_newstate();
    if (!L)
        return;
    if (lua_cpcall(L, open_libraries, NULL) == 0)
        work(L, 0);
    else
        refused_or_wrong(L);
    lua_close(L);
}

static long idle_rss_kib(lua_State *L)
{
    collect(L);
    sleep_ms(1700);
    return rss_kib();
}

int main(int count, char **arguments)
{
    static const long everies[] = {1, 2, 5};
    if (count != 2)
        die("usage: faults KIND");
    const char *kind = arguments[1];
    refuse("thread", strcmp(kind, "thread") == 0);
    lua_State *L = open_state();
    keep_data(L);
    print("count_bytes", count_bytes(L));
    wait_for_test();

    long out_of_memory = 0;
    for (size_t i = 0; i < sizeof(everies) / sizeof(everies[0]); i++) {
        for (unsigned round = 0; round < ROUNDS; round++) {
            refuse(kind, everies[i]);
            out_of_memory += work(L, round);
            if (round % 8 == 0)
                try_new_state();
            if (respire_trim && round % 6 == 0)
                respire_trim(L);
            refuse(kind, 0);
            check_data(L);
        }
    }
    print("out_of_memory", out_of_memory);
    print("refused", refusing_count ? refusing_count() : 0);

    burst(L, 300000);
    check_data(L);
    print("peak_kib", status_value("VmHWM"));
    print("idle_kib", idle_rss_kib(L));
    for (int i = 0; i < 20; i++) {
        lua_State *other = open_state();
        burst(other, 3000);
        lua_close(other);
    }
    print("mappings", mapping_count());
    check_data(L);
    print("count_bytes", count_bytes(L));
    wait_for_test();
    lua_close(L);
    return 0;
}
