/*
 * lua_functions.c: find the Lua functions behind ours.
 *
 * Owns the order of search. A program that LuaJIT is linked into statically exports its functions for the C modules
 * that it loads, so the program is a library like the others. All functions of a table come from the library that
 * defines lua_newstate, so that no table mixes two of them. A lua_newstate of respire's own is no find.
 *
 * And owns what is remembered of finds, since a search costs a third of what LuaJIT takes to make and close a state:
 * the same caller gets the same table, as long as no library was loaded or unloaded since.
 */
#include "lua_functions.h"

#include "library.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <string.h>

#define REMEMBERED 4

/* Counts of the dynamic loader. */
struct loads {
    unsigned long long added;
    unsigned long long removed;
};

static struct {
    const void *caller; /* NULL: empty */
    struct loads loads;
    struct lua_functions functions;
} remembered[REMEMBERED];
static unsigned oldest;
/* Only ever tried: a fork may have left it locked in the child, which then searches each time. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int count_loads(struct dl_phdr_info *info, size_t bytes, void *data)
{
    (void)bytes;
    struct loads *loads = data;
    *loads = (struct loads){info->dlpi_adds, info->dlpi_subs};
    return 1;
}

static bool recall(const void *caller, struct loads loads, struct lua_functions *functions)
{
    bool found = false;
    if (pthread_mutex_trylock(&lock) != 0)
        return false;
    for (size_t i = 0; i < REMEMBERED && !found; i++) {
        found = remembered[i].caller == caller && remembered[i].loads.added == loads.added
            && remembered[i].loads.removed == loads.removed;
        if (found)
            *functions = remembered[i].functions;
    }
    pthread_mutex_unlock(&lock);
    return found;
}

static void remember(const void *caller, struct loads loads, const struct lua_functions *functions)
{
    if (pthread_mutex_trylock(&lock) != 0)
        return;
    remembered[oldest].caller = caller;
    remembered[oldest].loads = loads;
    remembered[oldest].functions = *functions;
    oldest = (oldest + 1) % REMEMBERED;
    pthread_mutex_unlock(&lock);
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
    if (!library_own_symbol(library, "lua_newstate") || library_is_respire(library))
        return false;
    bool complete = dlsym(library.handle, "luaJIT_setmode") != NULL;
#define FIND_ROW(field, symbol, result, arguments) complete &= find_function(library, symbol, &functions->field);
    LUA_FUNCTION_ROWS(FIND_ROW)
#undef FIND_ROW
    functions->is_luajit = complete;
#define FIND_ROW(field, symbol, result, arguments) complete &= find_function(library, symbol, &functions->field);
    LUA_COLLECTOR_ROWS(FIND_ROW)
#undef FIND_ROW
    functions->can_step = complete;
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

static bool search(const void *caller, struct lua_functions *functions)
{
    struct library library = library_open_at(caller);
    memset(functions, 0, sizeof(*functions));
    bool found = fill(library, functions) || fill_from_owner(dlsym(RTLD_NEXT, "lua_newstate"), functions)
        || (library.handle && fill_from_owner(dlsym(library.handle, "lua_newstate"), functions))
        || fill_from_loaded(false, functions) == 1;
    library_close(library);
    return found;
}

bool lua_functions_find(const void *caller, struct lua_functions *functions)
{
    struct loads loads = {0};
    dl_iterate_phdr(count_loads, &loads);
    if (recall(caller, loads, functions))
        return true;
    bool found = search(caller, functions);
    if (found && caller)
        remember(caller, loads, functions);
    return found;
}

bool lua_functions_find_luajit(const void *caller, struct lua_functions *functions)
{
    return (lua_functions_find(caller, functions) && functions->is_luajit) || fill_from_loaded(true, functions) > 0;
}
