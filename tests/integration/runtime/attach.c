/*
 * A host that makes its state first and thinks of respire later. `attach LIBRARY MODE` loads librespire.so as a plugin
 * would; the modes are the functions below. What an allocator gets back that it never gave ends the program.
 */
#include "host.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>

static lua_State *(*new_state)(void);
static int (*attach)(lua_State *);
static int (*stats_of)(lua_State *, struct respire_stats *);
static size_t (*trim)(lua_State *);
static const char *(*failure)(void);

static void load(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        die(dlerror());
    *(void **)&new_state = dlsym(library, "respire_newstate");
    *(void **)&attach = dlsym(library, "respire_attach");
    *(void **)&stats_of = dlsym(library, "respire_stats");
    *(void **)&trim = dlsym(library, "respire_trim");
    *(void **)&failure = dlsym(library, "respire_error");
}

static void run(lua_State *L, const char *code)
{
    if (luaL_dostring(L, code) != 0)
        die(lua_tostring(L, -1));
}

/* Some of every kind of block, all of it checked by CHECK: small, large, on LuaJIT's direct maps, and a coroutine. */
#define FILL                                                                                                          \
    "local ffi = require 'ffi' "                                                                                      \
    "kept, numbers, boxes = {}, {}, {} "                                                                              \
    "for i = 1, 60000 do kept[i] = {i, 'kept ' .. i} numbers[i] = i end "                                             \
    "for i = 1, 200 do boxes[i] = ffi.new('int[?]', i, i) end "                                                       \
    "text = ('0123456789abcdef'):rep(40000) "                                                                         \
    "sleeper = coroutine.create(function(a) while true do a = coroutine.yield(a + 1) end end) "                       \
    "assert(select(2, coroutine.resume(sleeper, 1)) == 2) "

#define CHECK                                                                                                         \
    "for i, record in ipairs(kept) do assert(record[2] == 'kept ' .. record[1]) end "                                 \
    "for i = 1, #numbers do assert(numbers[i] == i) end "                                                             \
    "for i = 1, 200 do assert(boxes[i][i - 1] == boxes[i][0]) end "                                                   \
    "assert(#text >= 640000 and text:sub(1, 16) == '0123456789abcdef') "                                              \
    "assert(select(2, coroutine.resume(sleeper, 41)) == 42) "

/* New blocks, and old ones that grow, shrink, move and are freed. */
#define WORK                                                                                                          \
    "for round = 1, 3 do "                                                                                            \
    "  for i = #numbers + 1, #numbers + 50000 do numbers[i] = i end "                                                 \
    "  text = text .. text:sub(1, 1000) "                                                                             \
    "  for i = round, #kept, 4 do kept[i] = {i, 'kept ' .. i} end "                                                   \
    "  local burst = {} for i = 1, 100000 do burst[i] = {i, tostring(i)} end "                                        \
    "  sleeper = coroutine.create(function(a) while true do a = coroutine.yield(a + 1) end end) "                     \
    "  coroutine.resume(sleeper, 1) "                                                                                 \
    "  collectgarbage() "                                                                                             \
    "end "

static lua_State *open_state(void)
{
    lua_State *L = luaL_newstate();
    if (!L)
        die("no state");
    luaL_openlibs(L);
    run(L, FILL);
    return L;
}

static void take_over(lua_State *L)
{
    if (attach(L) != 0)
        die(failure());
    struct respire_stats stats;
    if (stats_of(L, &stats) != 0)
        die(failure());
}

static void print_use(lua_State *L)
{
    struct respire_stats stats;
    if (stats_of(L, &stats) != 0)
        die(failure());
    print("live_kib", (long)(stats.live_bytes / 1024));
    print("sum_is_held", stats.live_bytes + stats.free_bytes + stats.meta_bytes == stats.held_bytes);
}

static void living(void)
{
    lua_State *L = open_state();
    struct respire_stats stats;
    print("before", stats_of(L, &stats));
    take_over(L);
    print("again", attach(L));
    run(L, WORK CHECK);
    print_use(L);
    run(L, "kept, numbers, boxes, text, sleeper = {}, {}, nil, nil, nil collectgarbage() collectgarbage()");
    long before_kib = rss_kib();
    print("trimmed_kib", (long)(trim(L) / 1024));
    print("fallen_kib", before_kib - rss_kib());
    lua_close(L);
}

/* Nothing of either allocator is left behind by a hundred states. */
static void many(void)
{
    long mappings = 0, kib = 0;
    for (unsigned i = 0; i < 100; i++) {
        lua_State *L = open_state();
        take_over(L);
        if (i % 10 == 0)
            run(L, WORK CHECK);
        lua_close(L);
        if (i == 10) {
            mappings = mapping_count();
            kib = rss_kib();
        }
    }
    print("more_mappings", mapping_count() - mappings);
    print("more_kib", rss_kib() - kib);
}

/* From a coroutine that is older than the heap; closed through it, too, with finalizers that allocate. */
static void coroutine(void)
{
    lua_State *L = open_state();
    lua_State *old = lua_newthread(L);
    run(L, "local p = newproxy(true) getmetatable(p).__gc = function() "
           "local t = {} for i = 1, 100000 do t[i] = {i} end io.write('finalized ', #t, '\\n') end keep = p");
    take_over(old);
    struct respire_stats stats;
    print("main", stats_of(L, &stats));
    print("old", stats_of(old, &stats));
    print("new", stats_of(lua_newthread(L), &stats));
    run(old, WORK CHECK);
    lua_close(old);
}

/* An allocator that knows its blocks: size and mark in front of each. */
struct header {
    size_t bytes;
    uint64_t mark;
};

#define MARK 0x6d61726b206f776eu

static size_t own_bytes;
static unsigned long own_calls, foreign_calls;

static void *own_allocator(void *data, void *object, size_t old_bytes, size_t new_bytes)
{
    (void)data;
    own_calls++;
    struct header *header = object ? (struct header *)object - 1 : NULL;
    if (header && (header->mark != MARK || header->bytes != old_bytes))
        die("the host's allocator was given a block that it never gave");
    if (new_bytes == 0) {
        if (header) {
            own_bytes -= old_bytes;
            memset(header, 0xee, sizeof(*header) + old_bytes);
            free(header);
        }
        return NULL;
    }
    header = realloc(header, sizeof(*header) + new_bytes);
    if (!header)
        return NULL;
    own_bytes += new_bytes - (object ? old_bytes : 0);
    *header = (struct header){new_bytes, MARK};
    return header + 1;
}

static void own(void)
{
    lua_State *L = lua_newstate(own_allocator, NULL);
    if (!L)
        die("no state");
    luaL_openlibs(L);
    run(L, FILL);
    take_over(L);
    size_t before = own_bytes;
    run(L, WORK CHECK);
    print("own_grew", own_bytes > before);
    print_use(L);
    lua_close(L);
    print("own_left", (long)own_bytes);
}

/* A host's function in front of the state's: its own blocks below 100 bytes, all others as before. It tells its own by
   a table, as one that keeps accounts would. */
enum { TABLE_SLOTS = 1 << 20 };
static void *table[TABLE_SLOTS];
static lua_Alloc former;
static void *former_data;

static void **slot_of(void *object)
{
    size_t i = ((uintptr_t)object >> 4) * 0x9E3779B97F4A7C15u >> 44;
    while (table[i] && table[i] != object)
        i = (i + 1) % TABLE_SLOTS;
    return &table[i];
}

static void *fronting(void *data, void *object, size_t old_bytes, size_t new_bytes)
{
    static char gone;
    void **slot = object ? slot_of(object) : NULL;
    if (slot && *slot) {
        void *result = own_allocator(data, object, old_bytes, new_bytes);
        if (result != object) {
            *slot = &gone;
            if (result)
                *slot_of(result) = result;
        }
        return result;
    }
    if (!object && new_bytes < 100) {
        void *result = own_allocator(data, NULL, 0, new_bytes);
        if (result)
            *slot_of(result) = result;
        return result;
    }
    foreign_calls++;
    return former(former_data, object, old_bytes, new_bytes);
}

static void front(lua_State *L)
{
    former = lua_getallocf(L, &former_data);
    lua_setallocf(L, fronting, NULL);
}

static void fronted(void)
{
    lua_State *L = open_state();
    take_over(L);
    front(L);
    print("again", attach(L));
    run(L, WORK CHECK);
    print("both_used", own_calls > 10000 && foreign_calls > 1000);
    print_use(L);
    lua_close(L);
    print("own_left", (long)own_bytes);
    print("rss_kib", rss_kib());
}

/* The host is closed by a lua_close that it has silenced: frees reach nobody, and nothing may be used after its end. */
static void *silent(void *data, void *object, size_t old_bytes, size_t new_bytes)
{
    (void)data;
    (void)old_bytes;
    return new_bytes == 0 ? NULL : former(former_data, object, old_bytes, new_bytes);
}

static void silenced(void)
{
    for (unsigned i = 0; i < 20; i++) {
        lua_State *L = open_state();
        take_over(L);
        run(L, "local t = {} for i = 1, 10000 do t[i] = {i} end");
        former = lua_getallocf(L, &former_data);
        lua_setallocf(L, silent, NULL);
        lua_close(L);
    }
    print("done", 1);
}

/* Whatever the moment at which memory ends: an answer or an error, and the state goes on. */
static void no_memory(void)
{
    long refused = 0;
    for (long spare_kib = 0; spare_kib < 32 * 1024; spare_kib += 512) {
        lua_State *L = open_state();
        struct rlimit limit, none;
        getrlimit(RLIMIT_AS, &none);
        limit = none;
        limit.rlim_cur = ((rlim_t)status_value("VmSize") + (rlim_t)spare_kib) * 1024;
        setrlimit(RLIMIT_AS, &limit);
        int result = attach(L);
        refused += result != 0;
        if (result != 0 && strstr(failure(), "memory") == NULL)
            die(failure());
        setrlimit(RLIMIT_AS, &none);
        run(L, CHECK);
        lua_close(L);
    }
    print("refused", refused);
}

static void *thread_with_states(void *argument)
{
    (void)argument;
    for (unsigned i = 0; i < 5; i++) {
        lua_State *L = open_state();
        take_over(L);
        run(L, WORK CHECK);
        lua_close(L);
    }
    return NULL;
}

static void threads(void)
{
    pthread_t threads[3];
    for (unsigned i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, thread_with_states, NULL);
    for (unsigned i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    print("done", 1);
}

/* Taken over before the fork, as init_by_lua does in nginx's master. */
static void forks(void)
{
    lua_State *L = open_state();
    take_over(L);
    for (unsigned i = 0; i < 2; i++) {
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            run(L, WORK CHECK);
            lua_gc(L, LUA_GCCOLLECT, 0);
            long peak_kib = rss_kib();
            sleep_ms(2000);
            print("child_fallen_kib", peak_kib - rss_kib());
            lua_close(L);
            exit(0);
        }
        int status = -1;
        waitpid(child, &status, 0);
        print("child_status", status);
    }
    run(L, WORK CHECK);
    lua_close(L);
}

static void refusals(void)
{
    struct respire_stats stats;
    print("nothing_yet", failure()[0] == '\0');
    print("no_state", attach(NULL));
    print("said", strcmp(failure(), "no state was given") == 0);
    lua_State *L = lua_newstate(own_allocator, NULL);
    print("stats_of_another", stats_of(L, &stats));
    print("said", strcmp(failure(), "the state is not on a respire heap") == 0);
    print("trim_of_another", (long)trim(L));
    lua_close(L);
}

/* With a LuaJIT without GC64. */
static void narrow(void)
{
    struct respire_stats stats;
    lua_State *L = open_state();
    print("attached", attach(L));
    print("said", strstr(failure(), "without GC64") != NULL);
    print("stats", stats_of(L, &stats));
    print("new_state", new_state() != NULL);
    run(L, WORK CHECK);
    print("works", 1);
    lua_close(L);
}

int main(int count, char **arguments)
{
    static const struct {
        const char *name;
        void (*function)(void);
    } modes[] = {
        {"living", living},       {"many", many},         {"coroutine", coroutine}, {"own", own},
        {"fronted", fronted},     {"silenced", silenced}, {"no_memory", no_memory}, {"threads", threads},
        {"forks", forks},         {"refusals", refusals}, {"narrow", narrow},
    };
    if (count == 3)
        load(arguments[1]);
    for (size_t i = 0; count == 3 && i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(arguments[2], modes[i].name) == 0) {
            modes[i].function();
            return 0;
        }
    }
    die("usage: attach LIBRARY MODE");
}
