/*
 * A host that is linked with no Lua and loads each library it is given by dlopen(RTLD_LOCAL), as Traffic Server and
 * PowerDNS do. A flag before a library: `deep` loads it with RTLD_DEEPBIND, so that its calls bind past anything
 * preloaded; `again` unloads it afterwards.
 */
#include "host.h"

#include <dlfcn.h>

struct library {
    void *handle;
    void *state;
    void *(*newstate)(void);
    void (*openlibs)(void *);
    int (*loadstring)(void *, const char *);
    int (*pcall)(void *, int, int, int, long, void *);
    const char *(*tolstring)(void *, int, size_t *);
    void (*close)(void *);
};

static void *symbol(struct library *library, const char *name)
{
    void *found = dlsym(library->handle, name);
    if (!found)
        die(name);
    return found;
}

static void load(struct library *library, const char *name, int deep)
{
    library->handle = dlopen(name, RTLD_NOW | RTLD_LOCAL | (deep ? RTLD_DEEPBIND : 0));
    if (!library->handle)
        die(dlerror());
    *(void **)&library->newstate = symbol(library, "luaL_newstate");
    *(void **)&library->openlibs = symbol(library, "luaL_openlibs");
    *(void **)&library->loadstring = symbol(library, "luaL_loadstring");
    /* PUC Lua has lua_pcall as a macro since 5.2; the further arguments are zero for what is done here. */
    const char *pcall = dlsym(library->handle, "lua_pcall") ? "lua_pcall" : "lua_pcallk";
    *(void **)&library->pcall = symbol(library, pcall);
    *(void **)&library->tolstring = symbol(library, "lua_tolstring");
    *(void **)&library->close = symbol(library, "lua_close");
    library->state = library->newstate();
    if (!library->state)
        die("no state");
    library->openlibs(library->state);
    print("respire", on_respire(library->state));
}

static void work(struct library *library)
{
    const char *code = "local t = {} for i = 1, 200000 do t[i] = {tostring(i)} end "
                       "for i = 1, 200000 do assert(t[i][1] == tostring(i)) end";
    if (library->loadstring(library->state, code) != 0 || library->pcall(library->state, 0, 0, 0, 0, NULL) != 0)
        die(library->tolstring(library->state, -1, NULL));
}

int main(int count, char **arguments)
{
    struct library libraries[8];
    int loaded = 0;
    int deep = 0;
    int again = 0;
    for (int i = 1; i < count && loaded < 8; i++) {
        if (strcmp(arguments[i], "deep") == 0)
            deep = 1;
        else if (strcmp(arguments[i], "again") == 0)
            again = 1;
        else
            load(&libraries[loaded++], arguments[i], deep);
    }
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < loaded; i++)
            work(&libraries[i]);
    }
    for (int i = 0; i < loaded; i++)
        libraries[i].close(libraries[i].state);
    for (int round = 0; again && round < 5; round++) {
        for (int i = 0; i < loaded; i++) {
            dlclose(libraries[i].handle);
            load(&libraries[i], arguments[count - loaded + i], deep);
            work(&libraries[i]);
            libraries[i].close(libraries[i].state);
        }
    }
    sleep_ms(100);
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];
    long anonymous_kib = 0;
    while (maps && fgets(line, sizeof(line), maps)) {
        unsigned long start, end;
        if (!strchr(line, '/') && !strchr(line, '[') && sscanf(line, "%lx-%lx", &start, &end) == 2)
            anonymous_kib += (long)((end - start) / 1024);
    }
    print("anonymous_kib", anonymous_kib);
    return 0;
}
