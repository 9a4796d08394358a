/*
 * What the waits of an event loop give back, in all their cases. Run stock and under the runtime, with a state whose
 * garbage is collected meanwhile, it must tell the same on standard output; values whose names end with _ms are times.
 * Standard error tells in how many cases there was something collected.
 */
#include "idle.h"

#include <fcntl.h>
#include <sys/time.h>
#include <sys/wait.h>

int __poll_chk(struct pollfd *polled, nfds_t count, int timeout_ms, size_t bytes);

static lua_State *L;

static long littered_kib;
static int collected;

static void note_collected(void)
{
    collected += L && count_kib(L) < littered_kib;
}

/* A new state, so that nothing is put off. */
static void litter(void)
{
    if (L) {
        note_collected();
        lua_close(L);
    }
    L = open_state();
    run(L, "local t = {} for i = 1, 30000 do t[i] = {id = i, name = 'record ' .. i, tags = {i}} end");
    littered_kib = count_kib(L);
}

static void tell(const char *wait, const char *value_name, long value)
{
    printf("%s.%s %ld\n", wait, value_name, value);
}

/* A child, so that this process keeps its only thread: writes one byte after a while. */
static pid_t write_later(int descriptor, int ms)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        sleep_ms(ms);
        _exit(write(descriptor, "x", 1) == 1 ? 0 : 1);
    }
    return child;
}

static void ignore(int number)
{
    (void)number;
}

static void interrupt_after(int ms)
{
    struct sigaction action = {.sa_handler = ignore};
    struct itimerval timer = {.it_value = {0, ms * 1000}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
}

static void tell_wait(enum wait_kind kind, const char *what, int descriptor, int timeout_ms)
{
    char name[64];
    double start_ms = now_ms();
    errno = 77;
    int result = wait_with(kind, descriptor, timeout_ms, NULL);
    int error = errno;
    snprintf(name, sizeof(name), "%s.result", what);
    tell(wait_names[kind], name, result);
    snprintf(name, sizeof(name), "%s.errno", what);
    tell(wait_names[kind], name, error);
    snprintf(name, sizeof(name), "%s.passed_ms", what);
    tell(wait_names[kind], name, (long)(now_ms() - start_ms));
}

static void every_kind(enum wait_kind kind)
{
    static const int times_ms[] = {0, 1, 30, 130};
    char byte;
    int ends[2];
    if (pipe(ends) != 0)
        die("no pipe");
    for (size_t i = 0; i < sizeof(times_ms) / sizeof(times_ms[0]); i++) {
        char what[32];
        litter();
        snprintf(what, sizeof(what), "timeout_of_%d", times_ms[i]);
        tell_wait(kind, what, ends[0], times_ms[i]);
    }
    for (int ms = 20; ms <= 120; ms += 100) {
        char what[32];
        litter();
        snprintf(what, sizeof(what), "input_after_%d", ms);
        pid_t child = write_later(ends[1], ms);
        tell_wait(kind, what, ends[0], -1);
        waitpid(child, NULL, 0);
        litter();
        snprintf(what, sizeof(what), "input_before_%d", ms);
        tell_wait(kind, what, ends[0], ms);
        if (read(ends[0], &byte, 1) != 1)
            die("no input");
        litter();
        snprintf(what, sizeof(what), "interrupted_after_%d", ms);
        interrupt_after(ms);
        tell_wait(kind, what, ends[0], -1);
    }
    close(ends[0]);
    close(ends[1]);
    litter();
    tell_wait(kind, "closed_descriptor", ends[0], kind <= EPOLL_PWAIT2 ? 100 : -1);
}

/* The caller's arguments are read and written as by the system. */
static void select_arguments(void)
{
    int quiet[2], busy[2];
    if (pipe(quiet) != 0 || pipe(busy) != 0)
        die("no pipe");
    for (int round = 0; round < 3; round++) {
        fd_set reading, writing;
        FD_ZERO(&reading);
        FD_ZERO(&writing);
        FD_SET(quiet[0], &reading);
        FD_SET(busy[0], &reading);
        struct timeval limit = {0, 400000};
        struct timespec fine = {0, 400000000};
        int highest = (quiet[0] > busy[0] ? quiet[0] : busy[0]) + 1;
        litter();
        pid_t child = round == 0 ? 0 : write_later(busy[1], 120);
        int result = round == 2 ? pselect(highest, &reading, &writing, NULL, &fine, NULL)
                                : select(highest, &reading, &writing, NULL, &limit);
        char name[32];
        snprintf(name, sizeof(name), "sets_%d", round);
        tell(name, "result", result);
        tell(name, "quiet", FD_ISSET(quiet[0], &reading));
        tell(name, "busy", FD_ISSET(busy[0], &reading));
        tell(name, "writing", FD_ISSET(quiet[0], &writing));
        tell(name, "left_ms", limit.tv_sec * 1000 + limit.tv_usec / 1000);
        tell(name, "fine_left_ns", fine.tv_nsec);
        char byte;
        if (child != 0) {
            waitpid(child, NULL, 0);
            if (read(busy[0], &byte, 1) != 1)
                die("no input");
        }
    }
    fd_set closed;
    FD_ZERO(&closed);
    FD_SET(500, &closed);
    litter();
    struct timeval limit = {0, 100000};
    tell("closed_set", "result", select(501, &closed, NULL, NULL, &limit));
    tell("closed_set", "errno", errno);
    tell("closed_set", "kept", FD_ISSET(500, &closed));
    struct timeval longer = {1, 500000};
    litter();
    interrupt_after(120);
    tell("interrupted_select", "result", select(0, NULL, NULL, NULL, &longer));
    tell("interrupted_select", "left_ms", longer.tv_sec * 1000 + longer.tv_usec / 1000);
    struct timeval odd = {0, 1100000};
    FD_ZERO(&closed);
    tell("odd_select", "result", select(0, NULL, NULL, NULL, &odd));
    tell("odd_select", "left_ms", odd.tv_sec * 1000 + odd.tv_usec / 1000);
}

static void poll_arguments(void)
{
    int quiet[2], busy[2];
    if (pipe(quiet) != 0 || pipe(busy) != 0)
        die("no pipe");
    struct pollfd polled[4] = {{quiet[0], POLLIN, 99}, {busy[0], POLLIN, 99}, {-1, POLLIN, 99}, {busy[1], POLLIN, 99}};
    litter();
    pid_t child = write_later(busy[1], 120);
    tell("revents", "result", poll(polled, 4, -1));
    waitpid(child, NULL, 0);
    for (int i = 0; i < 4; i++)
        tell("revents", "of", polled[i].revents);
    litter();
    tell("hardened_poll", "result", __poll_chk(polled, 1, 100, sizeof(polled)));
    struct timespec fine = {0, 100000000};
    litter();
    tell("no_descriptors", "result", ppoll(NULL, 0, &fine, NULL));
    tell("no_descriptors", "left_ns", fine.tv_nsec);
}

static void refused_arguments(void)
{
    struct epoll_event event;
    struct timespec negative = {0, -1};
    struct timeval before_now = {-1, 0};
    int epoll = epoll_create1(0);
    litter();
    tell("refused", "no_room", epoll_wait(epoll, &event, 0, 100));
    tell("refused", "errno", errno);
    tell("refused", "no_epoll", epoll_wait(-1, &event, 1, -1));
    tell("refused", "errno", errno);
    tell("refused", "other_descriptor", epoll_wait(0, &event, 1, -1));
    tell("refused", "errno", errno);
    tell("refused", "ppoll", ppoll(NULL, 0, &negative, NULL));
    tell("refused", "errno", errno);
    tell("refused", "pselect", pselect(0, NULL, NULL, NULL, &negative, NULL));
    tell("refused", "errno", errno);
    tell("refused", "epoll_pwait2", epoll_pwait2(epoll, &event, 1, &negative, NULL));
    tell("refused", "errno", errno);
    tell("refused", "select", select(0, NULL, NULL, NULL, &before_now));
    tell("refused", "errno", errno);
    tell("refused", "negative_count", select(-1, NULL, NULL, NULL, NULL));
    tell("refused", "errno", errno);
}

int main(void)
{
    litter();
    int respire = on_respire(L);
    for (int kind = 0; kind < WAIT_KINDS; kind++)
        every_kind((enum wait_kind)kind);
    select_arguments();
    poll_arguments();
    refused_arguments();
    note_collected();
    lua_close(L);
    fprintf(stderr, "respire %d\ncollected %d\n", respire, collected);
    return 0;
}
