/*
 * Lua in the C hosts that are linked with LuaJIT: opening states, running code, and two loads whose results are known.
 * Everything ends the process with a sentence when it goes wrong, unless it says otherwise.
 */
#ifndef RESPIRE_TESTS_LUA_HOST_H
#define RESPIRE_TESTS_LUA_HOST_H

#include "native.h"

#include "../lua_state.h"

static inline long count_bytes(lua_State *L)
{
    return lua_gc(L, LUA_GCCOUNT, 0) * 1024L + lua_gc(L, LUA_GCCOUNTB, 0);
}

static inline void collect(lua_State *L)
{
    lua_gc(L, LUA_GCCOLLECT, 0);
    lua_gc(L, LUA_GCCOLLECT, 0);
}

/* Data that must outlive everything, and the proof that it did. */
static inline void keep_data(lua_State *L)
{
    run(L, "keep = {} for i = 1, 3000 do keep[i] = {'kept ' .. i, i, {}} keep['key ' .. i] = i end");
}

static inline void check_data(lua_State *L)
{
    run(L, "for i = 1, 3000 do assert(keep[i][1] == 'kept ' .. i and keep[i][2] == i and keep['key ' .. i] == i) end");
}

/* n records of tables, arrays and strings, all alive at once, and some of them checked; about 200 bytes each. */
static inline void burst(lua_State *L, long n)
{
    char code[512];
    snprintf(code, sizeof(code),
             "local n, t = %ld, {} "
             "for i = 1, n do t[i] = {id = i, name = 'record ' .. i, tags = {i, i + 1}} end "
             "for i = 1, n do assert(t[i].id == i and #t[i].name >= 8 and t[i].tags[2] == i + 1) end "
             "for i = 1, n, 97 do assert(t[i].name == 'record ' .. i) end",
             n);
    run(L, code);
}

#endif
