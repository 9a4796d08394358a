/*
 * A host whose memory goes up and down. `pressure MODE`: `purge` collects by itself and leaves the memory free;
 * `collect` leaves the garbage, and waits for nothing; `rest` does so after the memory has gone back.
 */
#include "idle.h"

static lua_State *after_burst(void)
{
    lua_State *L = open_state();
    print("respire", on_respire(L));
    make_garbage(L);
    make_garbage(L);
    make_garbage(L);
    print("peak_kib", rss_kib());
    return L;
}

static void purge(void)
{
    lua_State *L = after_burst();
    lua_gc(L, LUA_GCCOLLECT, 0);
    lua_gc(L, LUA_GCCOLLECT, 0);
    sleep_ms(1000);
    print("rss_kib", rss_kib());
    check_kept(L);
}

static void collect(void)
{
    lua_State *L = after_burst();
    print("before_kib", count_kib(L));
    sleep_ms(1200); /* until it has been noticed */
    idle_ms(300);
    print("after_kib", count_kib(L));
    check_kept(L);
}

/* Nothing is left above the goal, so everything is lazy again. */
static void rest(void)
{
    lua_State *L = after_burst();
    lua_gc(L, LUA_GCCOLLECT, 0);
    lua_gc(L, LUA_GCCOLLECT, 0);
    sleep_ms(1000);
    print("rss_kib", rss_kib());
    run(L, "local t = {} for i = 1, 20000 do t[i] = {i} end");
    lua_gc(L, LUA_GCCOLLECT, 0);
    sleep_ms(300);
    run(L, "local t = {} for i = 1, 20000 do t[i] = {i} end");
    print("before_kib", count_kib(L));
    idle_ms(700);
    print("after_kib", count_kib(L));
}

int main(int count, char **arguments)
{
    if (count == 2 && strcmp(arguments[1], "purge") == 0)
        purge();
    else if (count == 2 && strcmp(arguments[1], "collect") == 0)
        collect();
    else if (count == 2 && strcmp(arguments[1], "rest") == 0)
        rest();
    else
        die("usage: pressure purge|collect|rest");
    return 0;
}
