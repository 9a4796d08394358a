/*
 * A host of several Lua libraries, none of which it is linked with: `libraries PATH...`.
 *
 * Each is loaded by dlopen(RTLD_LOCAL) and has a thread with a state of its own. All threads work at the same time; the
 * test looks; then one state after the other is closed and made anew, while those of the other libraries must keep what
 * they have.
 */
#include "native.h"

#include <dlfcn.h>
#include <pthread.h>

enum { MAX_LIBRARIES = 4, MORE_ROUNDS = 3 };

struct library {
    void *state;
    void *(*newstate)(void);
    void (*openlibs)(void *);
    int (*loadstring)(void *, const char *);
    int (*pcall)(void *, int, int, int);
    const char *(*tolstring)(void *, int, size_t *);
    void (*settop)(void *, int);
    void (*close)(void *);
};

static struct library libraries[MAX_LIBRARIES];
static int library_count;

static void resolve(void *handle, const char *name, void *function)
{
    void *symbol = dlsym(handle, name);
    if (!symbol)
        die(name);
    memcpy(function, &symbol, sizeof(symbol));
}

static void load(struct library *library, const char *path)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        die(dlerror());
    resolve(handle, "luaL_newstate", &library->newstate);
    resolve(handle, "luaL_openlibs", &library->openlibs);
    resolve(handle, "luaL_loadstring", &library->loadstring);
    resolve(handle, "lua_pcall", &library->pcall);
    resolve(handle, "lua_tolstring", &library->tolstring);
    resolve(handle, "lua_settop", &library->settop);
    resolve(handle, "lua_close", &library->close);
}

static void open_state(struct library *library)
{
    library->state = library->newstate();
    if (!library->state)
        die("no state");
    library->openlibs(library->state);
}

/* Run code; its first result, as text, is printed under `name` unless that is NULL. */
static void run(struct library *library, const char *code, const char *name)
{
    if (library->loadstring(library->state, code) != 0 || library->pcall(library->state, 0, 1, 0) != 0)
        die(library->tolstring(library->state, -1, NULL));
    if (name) {
        printf("%s %s\n", name, library->tolstring(library->state, -1, NULL));
        fflush(stdout);
    }
    library->settop(library->state, 0);
}

static const char *const burst = "kept = kept or {} "
                                 "local t = {} "
                                 "for i = 1, 100000 do t[i] = {tostring(i), i} end "
                                 "for i = 1, 100000 do assert(t[i][1] == tostring(i) and t[i][2] == i) end "
                                 "for i = 1, 100000, 100 do kept[i] = t[i] end "
                                 "return 1";
static const char *const check = "for i = 1, 100000, 100 do assert(kept[i][1] == tostring(i)) end return 1";

/* Only OpenResty's branch has table.isempty. */
static const char *const which = "return (pcall(require, 'table.isempty') and 'luajit2 ' or 'luajit ') .. jit.version";
static const char *const count_bytes = "return string.format('%d', collectgarbage('count') * 1024)";

static void *work(void *library)
{
    for (int round = 0; round < MORE_ROUNDS; round++) {
        run(library, burst, NULL);
        run(library, "collectgarbage() collectgarbage() return 1", NULL);
        run(library, check, NULL);
    }
    return NULL;
}

static void work_in_threads(void)
{
    pthread_t threads[MAX_LIBRARIES];
    for (int i = 0; i < library_count; i++) {
        if (pthread_create(&threads[i], NULL, work, &libraries[i]) != 0)
            die("no thread");
    }
    for (int i = 0; i < library_count; i++)
        pthread_join(threads[i], NULL);
}

int main(int count, char **arguments)
{
    for (library_count = 0; library_count < count - 1 && library_count < MAX_LIBRARIES; library_count++) {
        load(&libraries[library_count], arguments[library_count + 1]);
        open_state(&libraries[library_count]);
    }
    work_in_threads();
    for (int i = 0; i < library_count; i++) {
        run(&libraries[i], which, "version");
        run(&libraries[i], count_bytes, "count_bytes");
    }
    wait_for_test();

    for (int round = 0; round < MORE_ROUNDS; round++) {
        for (int i = 0; i < library_count; i++) {
            libraries[i].close(libraries[i].state);
            open_state(&libraries[i]);
            run(&libraries[i], burst, NULL);
            for (int other = 0; other < library_count; other++)
                run(&libraries[other], check, NULL);
        }
        work_in_threads();
    }
    for (int i = 0; i < library_count; i++)
        run(&libraries[i], count_bytes, "count_bytes");
    wait_for_test();

    for (int i = 0; i < library_count; i++)
        libraries[i].close(libraries[i].state);
    sleep_ms(100);
    print("rss_kib", rss_kib());
    return 0;
}
