/*
 * library.c: finds loaded objects by address and by order, through dladdr and RTLD_NOLOAD.
 *
 * Owns the test of what is a copy of respire: a process may hold several, one preloaded and one found by Lua's
 * `require` elsewhere, and each must know the other's functions from LuaJIT's.
 */
#include "library.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdint.h>
#include <string.h>

static struct link_map *map_of(const void *address)
{
    Dl_info info;
    struct link_map *map = NULL;
    return address && dladdr1(address, &info, (void **)&map, RTLD_DL_LINKMAP) ? map : NULL;
}

struct library library_open_at(const void *address)
{
    struct library library = {.map = map_of(address)};
    /* The program has no name, and none is how it is opened. */
    if (library.map)
        library.handle = dlopen(library.map->l_name[0] != '\0' ? library.map->l_name : NULL, RTLD_LAZY | RTLD_NOLOAD);
    return library;
}

/* Names can't be opened inside dl_iterate_phdr, which holds the loader's lock. */
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

bool library_open_nth(size_t index, struct library *library)
{
    struct name_search search = {.index = index};
    *library = (struct library){0};
    if (dl_iterate_phdr(copy_name, &search) == 0)
        return false;
    library->handle = dlopen(index > 0 ? search.name : NULL, RTLD_LAZY | RTLD_NOLOAD);
    if (library->handle && dlinfo(library->handle, RTLD_DI_LINKMAP, &library->map) != 0) {
        library_close(*library);
        library->handle = NULL;
    }
    return true;
}

void library_close(struct library library)
{
    if (library.handle)
        dlclose(library.handle);
}

void *library_own_symbol(struct library library, const char *name)
{
    void *symbol = library.handle ? dlsym(library.handle, name) : NULL;
    return symbol && map_of(symbol) == library.map ? symbol : NULL;
}

bool library_is_respire(struct library library)
{
    return library_own_symbol(library, "respire_stats") != NULL
        || library.map == map_of((const void *)(uintptr_t)&library_is_respire);
}

void *library_respire_symbol(const void *address, const char *name)
{
    struct library library = library_open_at(address);
    void *symbol = library_is_respire(library) ? library_own_symbol(library, name) : NULL;
    library_close(library);
    return symbol;
}
