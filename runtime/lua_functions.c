/*
 * lua_functions.c: find the Lua functions behind ours.
 *
 * Owns the order of search. `owner` below is the loaded library that a symbol's address lies in: asking it for all
 * the functions keeps a table from mixing two libraries. A candidate that is our own interposed function is
 * no find. Libraries are opened with RTLD_NOLOAD only, so nothing is ever loaded by looking.
 */
#include "lua_functions.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdint.h>
#include <string.h>

/* The library that holds an address. NULL: none, or the program itself, whose symbols never come to us. */
static const char *library_of(const void *address, struct link_map **map)
{
    Dl_info info;
    if (!address || !dladdr1(address, &info, (void **)map, RTLD_DL_LINKMAP) || !*map)
        return NULL;
    const char *name = (*map)->l_name;
    return name && name[0] != '\0' ? name : NULL;
}

static bool is_ours(const void *address)
{
    struct link_map *ours = NULL;
    struct link_map *theirs = NULL;
    library_of(__builtin_extract_return_addr((void *)(uintptr_t)&lua_functions_find), &ours);
    library_of(address, &theirs);
    return ours == theirs;
}

static void *open_loaded(const char *name)
{
    return name ? dlopen(name, RTLD_LAZY | RTLD_NOLOAD) : NULL;
}

/* Symbols of functions come as data pointers; POSIX says that the bytes are the same. */
static bool find_function(void *handle, const char *name, void *function)
{
    void *symbol = dlsym(handle, name);
    if (!symbol || is_ours(symbol))
        return false;
    memcpy(function, &symbol, sizeof(symbol));
    return true;
}

/* Fill the table from the library that `newstate` lies in. */
static bool fill_from_owner(const void *newstate, struct lua_functions *functions)
{
    struct link_map *map = NULL;
    void *handle = open_loaded(library_of(newstate, &map));
    if (!handle)
        return false;
    memset(functions, 0, sizeof(*functions));
    bool complete = find_function(handle, "lua_newstate", &functions->newstate)
        && find_function(handle, "lua_close", &functions->close)
        && find_function(handle, "lua_setallocf", &functions->setallocf)
        && find_function(handle, "lua_atpanic", &functions->atpanic)
        && find_function(handle, "lua_tolstring", &functions->tolstring);
    functions->is_luajit = dlsym(handle, "luaJIT_setmode") != NULL;
    dlclose(handle);
    return complete;
}

/* `name` as seen from an open library, if it is not ours; `inside`: only when defined in that very library. */
static const void *symbol_from(void *handle, const char *name, const struct link_map *inside)
{
    void *symbol = handle ? dlsym(handle, name) : NULL;
    struct link_map *map = NULL;
    if (!symbol || is_ours(symbol))
        return NULL;
    library_of(symbol, &map);
    return !inside || map == inside ? symbol : NULL;
}

bool lua_functions_find(const void *caller, struct lua_functions *functions)
{
    struct link_map *map = NULL;
    void *handle = open_loaded(library_of(caller, &map));
    const void *newstate = symbol_from(handle, "lua_newstate", map);
    if (!newstate)
        newstate = symbol_from(RTLD_NEXT, "lua_newstate", NULL);
    if (!newstate)
        newstate = symbol_from(handle, "lua_newstate", NULL);
    bool found = newstate && fill_from_owner(newstate, functions);
    if (handle)
        dlclose(handle);
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

bool lua_functions_find_any(const void *caller, struct lua_functions *functions)
{
    if (lua_functions_find(caller, functions) && functions->is_luajit)
        return true;
    for (size_t i = 0;; i++) {
        struct name_search search = {.index = i};
        if (dl_iterate_phdr(copy_name, &search) == 0)
            return false;
        void *handle = search.name[0] != '\0' ? open_loaded(search.name) : NULL;
        const void *setmode = symbol_from(handle, "luaJIT_setmode", NULL);
        bool found = setmode && fill_from_owner(setmode, functions);
        if (handle)
            dlclose(handle);
        if (found)
            return true;
    }
}
