/*
 * New states while memory runs out: the runtime gets one mapping, then two, and so on, and no more. In a child of its
 * own each time, luaL_newstate gives no state, or one that works or runs out of memory; it never ends the process.
 */
#include "lua_host.h"
#include "refusing.h"

#include <sys/wait.h>

#pragma weak refusing_set_after
#pragma weak refusing_count

enum { MAPPINGS_MAX = 40, NO_STATE = 21, OUT_OF_MEMORY = 22, WORKS = 23 };

static int work(lua_State *L)
{
    luaL_openlibs(L);
    if (luaL_dostring(L, "local t = {} for i = 1, 20000 do t[i] = {i, tostring(i)} end") != 0)
        lua_error(L);
    return 0;
}

static int try_state(long mappings)
{
    if (refusing_set_after)
        refusing_set_after("map", mappings);
    lua_State *L = luaL_newstate();
    if (!L)
        return NO_STATE;
    if (respire_stats && !on_respire(L))
        return NO_STATE;
    int status = lua_cpcall(L, work, NULL);
    lua_close(L);
    return status == 0 ? WORKS : OUT_OF_MEMORY;
}

int main(void)
{
    lua_State *L = open_state();
    keep_data(L);
    print("count_bytes", count_bytes(L));
    wait_for_test();
    for (long mappings = 0; mappings < MAPPINGS_MAX; mappings++) {
        pid_t child = fork();
        if (child == 0)
            _exit(try_state(mappings));
        int status = 0;
        waitpid(child, &status, 0);
        print("status", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
    }
    check_data(L);
    lua_close(L);
    return 0;
}
