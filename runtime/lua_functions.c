/*
 * lua_functions.c: find the Lua functions behind ours.
 *
 * Owns the order of search. A library here is a loaded object, the program itself included: a program that LuaJIT is
 * linked into statically exports its functions for the C modules that it loads. All functions of a table come from
 * the library that defines lua_newstate, so that no table mixes two of them. A lua_newstate of our own, or
 * of another copy of respire, is no find. Libraries are opened with RTLD_NOLOAD only, so nothing is ever loaded by looking.
 */
#include "lua_functions.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdint.h>
#include <string.h>

struct library {
    void *handle; /* NULL: not found */
    struct link_map *map;
};

static struct link_map *map_of(const void *address)
{
    Dl_info info;
    struct link_map *map = NULL;
    return address && dladdr1(address, &info, (void **)&map, RTLD_DL_LINKMAP) ? map : NULL;
}

static struct library open_map(struct link_map *map)
{
    struct library library = {.map = map};
    if (map)
        library.handle = dlopen(map->l_name[0] != '\0' ? map->l_name : NULL, RTLD_LAZY | RTLD_NOLOAD);
    return library;
}

static void close_library(struct library library)
{
    if (library.handle)
        dlclose(library.handle);
}

/* The symbol if this very library defines it, rather than one that it depends on. */
static const void *own_symbol(struct library library, const char *name)
{
    const void *symbol = library.handle ? dlsym(library.handle, name) : NULL;
    return symbol && map_of(symbol) == library.map ? symbol : NULL;
}

static bool is_respire(struct library library)
{
    return own_symbol(library, "respire_stats") != NULL
        || library.map == map_of((const void *)(uintptr_t)&lua_functions_find);
}

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
    if (!own_symbol(library, "lua_newstate") || is_respire(library))
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
    struct library library = open_map(map_of(symbol));
    bool found = fill(library, functions);
    close_library(library);
    return found;
}

/* The name of the index-th loaded object; names can't be opened inside dl_iterate_phdr, which holds the lock. */
struct name_search {
    size_t index;
    char name[PATH_MAX];
};

static int copy_name(struct dl_phdr_info *info, size_t bytes, void *data)
{
    (void)bytes;
    struct name_search *search = data;
    if (search->index-- > 0)
        return 0;
    strncpy(search->name, info->dlpi_name, sizeof(search->name) - 1);
    return 1;
}

/* Fill the table from the first Lua, or LuaJIT, in the order of loading. Returns how many there are. */
static unsigned fill_from_loaded(bool luajit_only, struct lua_functions *functions)
{
    unsigned found = 0;
    for (size_t i = 0;; i++) {
        struct name_search search = {.index = i};
        if (dl_iterate_phdr(copy_name, &search) == 0)
            return found;
        struct lua_functions here = {0};
        struct library library = {.handle = dlopen(i > 0 ? search.name : NULL, RTLD_LAZY | RTLD_NOLOAD)};
        if (!library.handle)
            continue;
        if (dlinfo(library.handle, RTLD_DI_LINKMAP, &library.map) == 0 && fill(library, &here)
            && (here.is_luajit || !luajit_only)) {
            if (found == 0)
                *functions = here;
            found++;
        }
        dlclose(library.handle);
    }
}

bool lua_functions_find(const void *caller, struct lua_functions *functions)
{
    struct library library = open_map(map_of(caller));
    memset(functions, 0, sizeof(*functions));
    bool found = fill(library, functions) || fill_from_owner(dlsym(RTLD_NEXT, "lua_newstate"), functions)
        || (library.handle && fill_from_owner(dlsym(library.handle, "lua_newstate"), functions))
        || fill_from_loaded(false, functions) == 1;
    close_library(library);
    return found;
}

unsigned lua_functions_find_luajit(const void *caller, struct lua_functions *functions)
{
    if (lua_functions_find(caller, functions) && functions->is_luajit)
        return 1;
    return fill_from_loaded(true, functions);
}
