/*
 * lua_module.c: require "respire".
 *
 * Owns the module's functions, and what happens at require: the state is taken over, unless it is on a respire heap
 * already. lua/README.md describes it for users, lua/library/respire.lua for editors.
 *
 * Lua's functions are those of whoever calls, which is LuaJIT's interpreter, in a library or in a program that LuaJIT
 * is linked into; so each function asks for them by its own return address. Any of them may leave by a Lua error: no
 * lock is held and nothing is owned when one is called.
 */
#include "api.h"
#include "attach.h"
#include "event_log.h"
#include "failure.h"
#include "interpose.h"
#include "library.h"
#include "settings.h"
#include "table_log.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lua's type tags. */
enum { LUA_TBOOLEAN = 1, LUA_TNUMBER = 3, LUA_TSTRING = 4 };

EXPORT int luaopen_respire(struct lua_State *state);

/* For other copies of respire: open the module as seen from `caller`, an address in LuaJIT. */
EXPORT int respire_open_module(struct lua_State *state, const void *caller);

static int raise(const struct lua_functions *lua, struct lua_State *state, const char *sentence)
{
    lua->pushstring(state, sentence);
    return lua->error(state);
}

/* nil and the sentence. */
static int fail(const struct lua_functions *lua, struct lua_State *state)
{
    lua->pushnil(state);
    lua->pushstring(state, failure_sentence());
    return 2;
}

#define STAT(name) {#name, offsetof(struct respire_stats, name)}
static const struct {
    const char *name;
    size_t offset;
} stats_rows[] = {
    STAT(held_bytes), STAT(live_bytes), STAT(free_bytes), STAT(meta_bytes), STAT(blocks), STAT(large_objects),
    STAT(purged_bytes), STAT(purges), STAT(decay_ms),
};
#undef STAT

#define STATS_COUNT (sizeof(stats_rows) / sizeof(stats_rows[0]))
_Static_assert(STATS_COUNT * sizeof(uint64_t) == offsetof(struct respire_stats, reserved), "Lua is told every figure");

/* stats() */
static int module_stats(struct lua_State *state)
{
    struct lua_functions lua;
    lua_functions_find(__builtin_return_address(0), &lua);
    struct heap *heap = attach_find_heap(state, &lua);
    if (!heap)
        return raise(&lua, state, "respire.stats: this state is not on a respire heap any more");
    struct respire_stats stats;
    heap_stats(heap, &stats);
    lua.createtable(state, 0, (int)STATS_COUNT);
    for (size_t i = 0; i < STATS_COUNT; i++) {
        uint64_t value;
        memcpy(&value, (const char *)&stats + stats_rows[i].offset, sizeof(value));
        lua.pushnumber(state, (double)value);
        lua.setfield(state, -2, stats_rows[i].name);
    }
    return 1;
}

/* trim() */
static int module_trim(struct lua_State *state)
{
    struct lua_functions lua;
    lua_functions_find(__builtin_return_address(0), &lua);
    struct heap *heap = attach_find_heap(state, &lua);
    if (!heap)
        return raise(&lua, state, "respire.trim: this state is not on a respire heap any more");
    lua.pushnumber(state, (double)heap_trim(heap));
    return 1;
}

/* set(name, value) */
static int module_set(struct lua_State *state)
{
    struct lua_functions lua;
    lua_functions_find(__builtin_return_address(0), &lua);
    int type = lua.type(state, 2);
    if (lua.type(state, 1) != LUA_TSTRING || (type != LUA_TBOOLEAN && type != LUA_TNUMBER && type != LUA_TSTRING))
        return raise(&lua, state, "usage: respire.set(name, value), with a number, a boolean or a string");
    const char *value = type != LUA_TBOOLEAN ? lua.tolstring(state, 2, NULL) : lua.toboolean(state, 2) ? "on" : "off";
    if (!settings_set(lua.tolstring(state, 1, NULL), value, failure_sentence()))
        return fail(&lua, state);
    lua.pushboolean(state, 1);
    return 1;
}

/* get(name) */
static int module_get(struct lua_State *state)
{
    struct lua_functions lua;
    lua_functions_find(__builtin_return_address(0), &lua);
    if (lua.type(state, 1) != LUA_TSTRING)
        return raise(&lua, state, "usage: respire.get(name)");
    char value[OPTION_VALUE_BYTES];
    enum option_kind kind;
    if (!settings_get(lua.tolstring(state, 1, NULL), value, &kind, failure_sentence()))
        return fail(&lua, state);
    switch (kind) {
    case INTEGER:
        lua.pushnumber(state, strtod(value, NULL));
        break;
    case SWITCH:
        lua.pushboolean(state, strcmp(value, "on") == 0);
        break;
    case DESTINATION:
        lua.pushstring(state, value);
        break;
    }
    return 1;
}

static void push_growth(const struct lua_functions *lua, struct lua_State *state, const struct table_growth *growth)
{
    lua->createtable(state, 0, 5);
    lua->pushstring(state, growth->kind);
    lua->setfield(state, -2, "kind");
    lua->pushnumber(state, (double)growth->records);
    lua->setfield(state, -2, "records");
    lua->pushnumber(state, (double)growth->bytes);
    lua->setfield(state, -2, "bytes");
    lua->pushnumber(state, (double)growth->time_ms / 1000);
    lua->setfield(state, -2, "time");
    if (growth->where[0] == '\0')
        return;
    lua->pushstring(state, growth->where);
    lua->setfield(state, -2, "where");
}

/* tables() */
static int module_tables(struct lua_State *state)
{
    struct lua_functions lua;
    lua_functions_find(__builtin_return_address(0), &lua);
    struct table_growth growth;
    lua.createtable(state, TABLE_LOG_GROWTHS, 0);
    int place = 0;
    for (uint64_t number = table_log_count(); table_log_read(number, &growth); number--) {
        push_growth(&lua, state, &growth);
        lua.rawseti(state, -2, ++place);
    }
    return 1;
}

static const struct {
    const char *name;
    lua_function *function;
} module_rows[] = {{"stats", module_stats}, {"trim", module_trim}, {"set", module_set}, {"get", module_get},
                 {"tables", module_tables}};

#define MODULE_COUNT (sizeof(module_rows) / sizeof(module_rows[0]))

/* A program that exports no Lua functions can't be told in Lua. */
static int cannot_speak(void)
{
    event_log_complain("require \"respire\" does nothing here: LuaJIT is linked into the program, which does not "
                       "export Lua's functions");
    return 0;
}

int respire_open_module(struct lua_State *state, const void *caller)
{
    struct lua_functions lua;
    if (!lua_functions_find(caller, &lua))
        return cannot_speak();
    if (!lua.is_luajit)
        return raise(&lua, state, "respire: this Lua is not LuaJIT");
    if (!attach(state, &lua)) {
        char sentence[FAILURE_BYTES + 64];
        snprintf(sentence, sizeof(sentence), "respire can't take over this state: %s", failure_sentence());
        return raise(&lua, state, sentence);
    }
    lua.createtable(state, 0, (int)MODULE_COUNT);
    for (size_t i = 0; i < MODULE_COUNT; i++) {
        lua.pushcclosure(state, module_rows[i].function, 0);
        lua.setfield(state, -2, module_rows[i].name);
    }
    return 1;
}

typedef int module_opener(struct lua_State *state, const void *caller);

/* One copy of respire should serve the process: the preloaded one, or the one whose heap the state is on. */
static module_opener *find_opener(struct lua_State *state, const void *caller)
{
    void *symbol = dlsym(RTLD_DEFAULT, "respire_open_module");
    struct lua_functions lua;
    void *data;
    if (lua_functions_find(caller, &lua) && lua.is_luajit) {
        lua_allocator *allocator = lua.getallocf(state, &data);
        void *heaps = library_respire_symbol((const void *)(uintptr_t)allocator, "respire_open_module");
        symbol = heaps ? heaps : symbol;
    }
    module_opener *opener = respire_open_module;
    if (symbol)
        memcpy(&opener, &symbol, sizeof(symbol));
    return opener;
}

int luaopen_respire(struct lua_State *state)
{
    const void *caller = __builtin_return_address(0);
    return find_opener(state, caller)(state, caller);
}
