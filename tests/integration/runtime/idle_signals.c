/*
 * Signals around idle collection. `idle_signals MODE [WAIT]`; the modes are the functions below.
 */
#include "idle.h"

#include <sys/time.h>

static volatile sig_atomic_t handled;
static volatile sig_atomic_t waits_in_handler;

static void after_ms(int ms, int interval_ms)
{
    struct itimerval timer = {{interval_ms / 1000, interval_ms % 1000 * 1000}, {ms / 1000, ms % 1000 * 1000}};
    setitimer(ITIMER_REAL, &timer, NULL);
}

static void on_signal(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
}

static void note(int number)
{
    (void)number;
    handled++;
}

static sigset_t only_alarm(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    return set;
}

/* So much that collecting it takes some tenths of a second. */
static lua_State *state_with_much_garbage(void)
{
    lua_State *L = open_state();
    run(L, "kept = {} for i = 1, 10000 do kept[i] = {i, 'kept ' .. i} end "
           "local t = {} for i = 1, 400000 do t[i] = {id = i, name = 'record ' .. i, tags = {i}} end");
    return L;
}

static void tell_of(const char *what, int result, double start_ms, lua_State *L)
{
    int error = result < 0 ? errno : 0;
    printf("%s_result %d\n%s_interrupted %d\n", what, result, what, error == EINTR);
    print("passed_ms", (long)(now_ms() - start_ms));
    print("handled", handled);
    print("count_kib", count_kib(L));
}

/* A signal that comes while the collector is stepped ends the wait, as it does at any other time. */
static void interrupted(enum wait_kind kind)
{
    lua_State *L = state_with_much_garbage();
    print("before_kib", count_kib(L));
    on_signal(note);
    double start_ms = now_ms();
    after_ms(100, 0);
    int result = wait_with(kind, -1, -1, NULL);
    tell_of("wait", result, start_ms, L);
    check_kept(L);
}

/* Blocked by the thread, unblocked by the wait: the same. */
static void unblocked_by_wait(enum wait_kind kind)
{
    lua_State *L = state_with_much_garbage();
    sigset_t alarm_set = only_alarm();
    sigset_t none;
    sigemptyset(&none);
    print("before_kib", count_kib(L));
    on_signal(note);
    sigprocmask(SIG_BLOCK, &alarm_set, NULL);
    double start_ms = now_ms();
    after_ms(100, 0);
    int result = wait_with(kind, -1, -1, &none);
    tell_of("wait", result, start_ms, L);
    sigset_t mask;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    print("blocked_again", sigismember(&mask, SIGALRM));
    print("others_blocked", sigismember(&mask, SIGTERM));
    check_kept(L);
}

/* Blocked by the thread: it waits for its time, whatever is stepped. */
static void blocked(enum wait_kind kind)
{
    lua_State *L = state_with_much_garbage();
    sigset_t alarm_set = only_alarm();
    sigset_t pending;
    print("before_kib", count_kib(L));
    on_signal(note);
    sigprocmask(SIG_BLOCK, &alarm_set, NULL);
    double start_ms = now_ms();
    after_ms(100, 0);
    int result = wait_with(kind, -1, 1000, NULL);
    tell_of("wait", result, start_ms, L);
    sigpending(&pending);
    print("pending", sigismember(&pending, SIGALRM));
    check_kept(L);
}

static lua_State *handled_state;
static volatile sig_atomic_t shrunk_in_handler;

/* What the collector counts may be read at any time. */
static void wait_in_handler(int number)
{
    (void)number;
    int error = errno;
    long before_kib = count_kib(handled_state);
    waits_in_handler += poll(NULL, 0, 70) == 0;
    shrunk_in_handler += count_kib(handled_state) != before_kib;
    errno = error;
}

/* A handler waits, and has interrupted Lua in the middle of whatever it was doing. */
static void in_handler(enum wait_kind kind)
{
    (void)kind;
    lua_State *L = open_state();
    make_garbage(L);
    handled_state = L;
    on_signal(wait_in_handler);
    after_ms(100, 100);
    for (double start_ms = now_ms(); now_ms() - start_ms < 3500;)
        run(L, "mine = mine or {} "
               "for i = 1, 20000 do "
               "  local m = mine[i] or {0, {}} m[1] = m[1] + 1 m[2] = {m[1], 'turn ' .. m[1]} mine[i] = m "
               "end "
               "for i = 1, 20000 do assert(mine[i][1] == mine[1][1] and mine[i][2][2] == 'turn ' .. mine[1][1]) end");
    after_ms(0, 0);
    print("waits_in_handler", waits_in_handler);
    print("shrunk_in_handler", shrunk_in_handler);
    check_kept(L);
    print("before_kib", count_kib(L));
    on_signal(note);
    if (poll(NULL, 0, 700) != 0)
        die("no timeout");
    print("after_kib", count_kib(L));
}

int main(int count, char **arguments)
{
    static const struct {
        const char *name;
        void (*function)(enum wait_kind);
    } modes[] = {
        {"interrupted", interrupted},
        {"unblocked_by_wait", unblocked_by_wait},
        {"blocked", blocked},
        {"in_handler", in_handler},
    };
    for (size_t i = 0; count >= 2 && i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(arguments[1], modes[i].name) == 0) {
            modes[i].function(count == 3 ? wait_kind(arguments[2]) : POLL);
            return 0;
        }
    }
    die("usage: idle_signals MODE [WAIT]");
}
