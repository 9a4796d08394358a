/*
 * A host that changes the runtime's settings from C while its states live. `settings LOG` is preloaded, and prints what
 * it was answered as `name value` lines.
 */
#include "host.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <pthread.h>

static long decay_shown(lua_State *L)
{
    struct respire_stats stats;
    if (respire_stats(L, &stats) != 0)
        die(respire_error());
    return (long)stats.decay_ms;
}

static void print_value(const char *label, const char *option)
{
    char value[RESPIRE_VALUE_BYTES];
    if (respire_get(option, value, sizeof(value)) != 0)
        die(respire_error());
    printf("%s %s\n", label, value);
}

/* Each thread has a sentence of its own. */
static void *fail_elsewhere(void *unused)
{
    print("thread_silent", respire_error()[0] == '\0');
    respire_set("elsewhere", "1");
    print("thread_said", strstr(respire_error(), "\"elsewhere\"") != NULL);
    return unused;
}

int main(int count, char **arguments)
{
    if (count != 2)
        die("usage: settings LOG");
    print("silent", respire_error()[0] == '\0');
    print("before_any_state", respire_set("decay_ms", "2000"));
    lua_State *one = luaL_newstate(), *two = luaL_newstate();
    print("shown", decay_shown(one));
    print("set", respire_set("decay_ms", "700"));
    print("shown_by_one", decay_shown(one));
    print("shown_by_two", decay_shown(two));
    print_value("decay", "decay_ms");

    char small[3] = "ab";
    print("small", respire_get("decay_ms", small, sizeof(small)));
    print("small_untouched", strcmp(small, "ab") == 0);
    print("wrong_value", respire_set("decay_ms", "5"));
    print("said_value", strcmp(respire_error(), "decay_ms must be 500 to 3600000, not \"5\"; it stays 700") == 0);
    print("wrong_name", respire_set("decay", "700"));
    print("said_name", strncmp(respire_error(), "there is no option \"decay\"; the options are decay_ms ", 52) == 0);
    print("no_name", respire_set(NULL, NULL));
    print("wrong_log", respire_set("log", "/nonexistent/log"));
    print("said_log", strstr(respire_error(), "/nonexistent/log: No such file or directory; it stays off") != NULL);
    print("still", decay_shown(two));

    pthread_t thread;
    pthread_create(&thread, NULL, fail_elsewhere, NULL);
    pthread_join(thread, NULL);
    print("said_log_still", strstr(respire_error(), "/nonexistent/log") != NULL);

    print("log", respire_set("log", arguments[1]));
    print("background", respire_set("background", "off"));
    lua_close(one);
    print("log_off", respire_set("log", "off"));
    lua_close(two);
    return 0;
}
