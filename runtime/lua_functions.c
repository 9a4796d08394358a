/*
 * lua_functions.c: find the Lua functions behind ours.
 *
 * Owns the order of search. A program that LuaJIT is linked into statically exports its functions for the C modules
 * that it loads, so the program is a library like the others. All functions of a table come from the library that
 * defines lua_newstate, so that no table mixes two of them. A lua_newstate of respire's own is no find.
 */
#include "lua_functions.h"

#include "library.h"

#include <dlfcn.h>
#include <string.h>

/* Symbols of functions come as data pointers; POSIX says that the bytes are the same. */
static bool find_function(struct library library, const char *name, void *function)
{
    void *symbol = dlsym(library.handle, name);
    memcpy(function, &symbol, sizeof(symbol));
    return symbol != NULL;
}

/* False: the library is respire, or no Lua; the table is then untouched. */
static bool fill(struct library library, struct lua_functions *functions)
{
    if (!library_own_symbol(library, "lua_newstate") || library_is_respire(library))
        return false;
    bool complete = dlsym(library.handle, "luaJIT_setmode") != NULL;
#define FIND_ROW(field, symbol, result, arguments) complete &= find_function(library, symbol, &functions->field);
    LUA_FUNCTION_ROWS(FIND_ROW)
#undef FIND_ROW
    functions->is_luajit = complete;
    return functions->newstate && functions->close;
}

static bool fill_from_owner(const void *symbol, struct lua_functions *functions)
{
    struct library library = library_open_at(symbol);
    bool found = fill(library, functions);
    library_close(library);
    return found;
}

/* Fill the table from the first Lua, or LuaJIT, in the order of loading. Returns how many there are. */
static unsigned fill_from_loaded(bool luajit_only, struct lua_functions *functions)
{
    unsigned found = 0;
    struct library library;
    for (size_t i = 0; library_open_nth(i, &library); i++) {
        struct lua_functions here = {0};
        if (fill(library, &here) && (here.is_luajit || !luajit_only)) {
            if (found == 0)
                *functions = here;
            found++;
        }
        library_close(library);
    }
    return found;
}

bool lua_functions_find(const void *caller, struct lua_functions *functions)
{
    struct library library = library_open_at(caller);
    memset(functions, 0, sizeof(*functions));
    bool found = fill(library, functions) || fill_from_owner(dlsym(RTLD_NEXT, "lua_newstate"), functions)
        || (library.handle && fill_from_owner(dlsym(library.handle, "lua_newstate"), functions))
        || fill_from_loaded(false, functions) == 1;
    library_close(library);
    return found;
}

bool lua_functions_find_luajit(const void *caller, struct lua_functions *functions)
{
    return (lua_functions_find(caller, functions) && functions->is_luajit) || fill_from_loaded(true, functions) > 0;
}
