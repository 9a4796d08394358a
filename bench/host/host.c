/*
 * host.c: a program with LuaJIT inside that runs one workload and says what that cost.
 *
 *     host [--malloc] [--states N] [--live-pages | --call-times] SCRIPT SCALE
 *
 * The state is made by luaL_newstate, so the allocator is LuaJIT's own or whatever is preloaded in its place; with
 * --malloc it is made by lua_newstate upon realloc and free, as programs do that bring their allocator. With --states
 * the script runs in N states one after the other, of which the last STATES_OPEN are open at a time. --live-pages
 * counts the pages that hold something live at the script's end, --call-times times each call of lua_Alloc, both in one
 * state.
 *
 * One JSON line comes out. `allocator` is the library that the state's lua_Alloc, or with --malloc its realloc, is in,
 * so that the reader can see that what was measured is what was meant; `result` is what the script returned. Costs are
 * of all threads, from before the first state is made to the script's end: a single state is not closed, because the
 * processes that matter end without, and what closing costs is seen with --states.
 */
#include "call_times.h"
#include "live_pages.h"

#include <dlfcn.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define USAGE "usage: host [--malloc] [--states N] [--live-pages | --call-times] SCRIPT SCALE"

enum { STATES_OPEN = 16 };

struct request {
    const char *script;
    double scale;
    bool from_malloc, live_pages, call_times;
    long states;
};

struct cost {
    double user_seconds, system_seconds, wall_seconds;
    long minor_faults;
};

/* The library that gives the memory. */
static const char *library;

__attribute__((noreturn)) static void die(const char *what)
{
    fprintf(stderr, "host: %s\n", what);
    exit(1);
}

static void *allocate_from_malloc(void *unused, void *block, size_t old_bytes, size_t new_bytes)
{
    (void)unused;
    (void)old_bytes;
    if (new_bytes == 0) {
        free(block);
        return NULL;
    }
    return realloc(block, new_bytes);
}

static const char *library_of(void *address)
{
    Dl_info info;
    if (!dladdr(address, &info) || !info.dli_fname)
        return "unknown";
    const char *slash = strrchr(info.dli_fname, '/');
    return slash ? slash + 1 : info.dli_fname;
}

static const char *allocator_of(lua_State *lua, bool from_malloc)
{
    void *address = dlsym(RTLD_DEFAULT, "realloc");
    if (!from_malloc) {
        lua_Alloc allocate = lua_getallocf(lua, NULL);
        memcpy(&address, &allocate, sizeof(address));
    }
    return library_of(address);
}

static lua_State *open_state(const struct request *request)
{
    lua_State *lua = request->from_malloc ? lua_newstate(allocate_from_malloc, NULL) : luaL_newstate();
    if (!lua)
        die("no Lua state");
    library = allocator_of(lua, request->from_malloc);
    if (request->live_pages)
        live_pages_watch(lua);
    if (request->call_times)
        call_times_watch(lua);
    luaL_openlibs(lua);
    return lua;
}

/* Leaves what the script returned on the stack. */
static void run_script(lua_State *lua, const struct request *request)
{
    if (luaL_loadfile(lua, request->script))
        die(lua_tostring(lua, -1));
    lua_pushnumber(lua, request->scale);
    if (lua_pcall(lua, 1, 1, 0))
        die(lua_tostring(lua, -1));
}

static lua_State *run_in_one(const struct request *request)
{
    lua_State *lua = open_state(request);
    run_script(lua, request);
    return lua;
}

/* Returns the last state that was opened, with what its script returned on its stack. */
static lua_State *run_in_many(const struct request *request)
{
    static lua_State *open[STATES_OPEN];
    long last = 0;
    for (long i = 0; i < request->states; i++) {
        last = i % STATES_OPEN;
        if (open[last])
            lua_close(open[last]);
        open[last] = run_in_one(request);
    }
    return open[last];
}

static struct cost cost_so_far(void)
{
    struct rusage usage;
    struct timespec now;
    getrusage(RUSAGE_SELF, &usage);
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (struct cost){
        .user_seconds = (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6,
        .system_seconds = (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6,
        .wall_seconds = (double)now.tv_sec + (double)now.tv_nsec / 1e9,
        .minor_faults = usage.ru_minflt,
    };
}

/* VmHWM: what ru_maxrss would say, but for the program that executed this one, whose peak ru_maxrss inherits. */
static long peak_bytes(void)
{
    char line[256];
    long kib = 0;
    FILE *status = fopen("/proc/self/status", "re");
    if (!status)
        die("no /proc");
    while (fgets(line, sizeof(line), status))
        if (sscanf(line, "VmHWM: %ld", &kib) == 1)
            break;
    fclose(status);
    return kib * 1024;
}

static void print_cost(const struct cost *before, const struct cost *after)
{
    double user_seconds = after->user_seconds - before->user_seconds;
    double system_seconds = after->system_seconds - before->system_seconds;
    printf("{\"cpu_seconds\":%.6f,\"system_seconds\":%.6f,\"wall_seconds\":%.6f,\"minor_faults\":%ld,"
           "\"peak_bytes\":%ld",
           user_seconds + system_seconds, system_seconds, after->wall_seconds - before->wall_seconds,
           after->minor_faults - before->minor_faults, peak_bytes());
}

static struct request parse(int argc, char **argv)
{
    struct request request = {0};
    int at = 1;
    for (; at < argc && strncmp(argv[at], "--", 2) == 0; at++) {
        if (strcmp(argv[at], "--malloc") == 0)
            request.from_malloc = true;
        else if (strcmp(argv[at], "--live-pages") == 0)
            request.live_pages = true;
        else if (strcmp(argv[at], "--call-times") == 0)
            request.call_times = true;
        else if (strcmp(argv[at], "--states") == 0 && at + 1 < argc)
            request.states = atol(argv[++at]);
        else
            die(USAGE);
    }
    if (argc - at != 2)
        die(USAGE);
    request.script = argv[at];
    request.scale = atof(argv[at + 1]);
    return request;
}

int main(int argc, char **argv)
{
    struct request request = parse(argc, argv);
    struct cost before = cost_so_far();
    lua_State *lua = request.states > 0 ? run_in_many(&request) : run_in_one(&request);
    struct cost after = cost_so_far();
    print_cost(&before, &after);
    if (request.live_pages)
        printf(",\"live_pages_bytes\":%zu", live_pages_bytes());
    if (request.call_times) {
        printf(",\"call_times\":");
        call_times_print();
    }
    const char *result = lua_tostring(lua, -1);
    printf(",\"allocator\":\"%s\",\"result\":\"%s\"}\n", library, result ? result : "nil");
    fflush(stdout);
    _Exit(0);
}
