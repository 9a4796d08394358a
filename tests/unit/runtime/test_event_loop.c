/*
 * The waits with a collector that the test plays: when it is asked, how it is stepped, and what the caller sees of it.
 */
#include "unit.h"
#include "clock.h"
#include "heap_user.h"
#include "idle_gc.h"
#include "pressure.h"
#include "settings.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/time.h>
#include <unistd.h>

#define IDLE_MS 50

/* What the next looks say, and what they were asked. */
static struct {
    enum idle_need need;
    uint64_t later_ns;
    int looks;
    int long_enough;
} look;

/* A collection of so many slices. */
static struct {
    int left;
    int ran;
    long ms;
    void (*inside)(void);
} slices;

enum idle_need idle_gc_look(const void *frame, bool idle, uint64_t *later_ns)
{
    assert_non_null(frame);
    look.looks++;
    look.long_enough += idle;
    *later_ns = look.later_ns;
    if (slices.left > 0)
        return IDLE_NOW;
    return look.need;
}

bool idle_gc_slice(void)
{
    struct timespec pause = {0, slices.ms * NS_PER_MS};
    nanosleep(&pause, NULL);
    if (slices.inside)
        slices.inside();
    slices.ran++;
    return --slices.left > 0;
}

static uint64_t passed_ms(uint64_t start_ns)
{
    return (clock_ns() - start_ns) / NS_PER_MS;
}

/* A wait that gives something: the thread is busy. */
static int pipe_ends[2];

static void be_busy(void)
{
    struct pollfd writable = {.fd = pipe_ends[1], .events = POLLOUT};
    assert_int_equal(poll(&writable, 1, 1000), 1);
}

static int setup(void **state)
{
    (void)state;
    struct heap_user user = {0};
    heap_user_begin(&user);
    settings_in_force.idle_gc_ms = IDLE_MS;
    atomic_store(&pressure_high, false);
    memset(&look, 0, sizeof(look));
    memset(&slices, 0, sizeof(slices));
    slices.ms = 1;
    return pipe(pipe_ends);
}

static int teardown(void **state)
{
    (void)state;
    slices.left = 0;
    look.need = IDLE_NOTHING;
    be_busy();
    return close(pipe_ends[0]) | close(pipe_ends[1]);
}

static void busy_thread_is_never_asked(void **state)
{
    (void)state;
    be_busy();
    look.looks = 0;
    for (int i = 0; i < 1000; i++)
        be_busy();
    for (int i = 0; i < 100; i++)
        assert_int_equal(poll(NULL, 0, 0), 0);
    assert_int_equal(look.looks, 0);
}

static void idle_thread_is_asked_once(void **state)
{
    (void)state;
    be_busy();
    uint64_t start_ns = clock_ns();
    assert_int_equal(poll(NULL, 0, 200), 0);
    assert_in_range(passed_ms(start_ns), 200, 300);
    assert_int_equal(look.looks, 1);
    assert_int_equal(look.long_enough, 1);
}

/* It is idle still: asked before the wait, and then the wait is one. */
static void idle_thread_is_asked_first(void **state)
{
    (void)state;
    be_busy();
    poll(NULL, 0, 100);
    look.looks = 0;
    look.long_enough = 0;
    assert_int_equal(poll(NULL, 0, 100), 0);
    assert_int_equal(look.looks, 1);
    assert_int_equal(look.long_enough, 0);
}

static void short_waits_add_up(void **state)
{
    (void)state;
    be_busy();
    look.looks = 0;
    for (int ms = 0; ms < IDLE_MS; ms += 10)
        assert_int_equal(poll(NULL, 0, 10), 0);
    assert_int_equal(look.looks, 0);
    assert_int_equal(poll(NULL, 0, 10), 0);
    assert_int_equal(look.looks, 1);
    be_busy();
    look.looks = 0;
    assert_int_equal(poll(NULL, 0, 10), 0);
    assert_int_equal(look.looks, 0);
}

static void asked_again_when_told(void **state)
{
    (void)state;
    be_busy();
    look.need = IDLE_LATER;
    look.later_ns = 20 * NS_PER_MS;
    uint64_t start_ns = clock_ns();
    assert_int_equal(poll(NULL, 0, 200), 0);
    assert_in_range(passed_ms(start_ns), 200, 300);
    assert_in_range(look.looks, 5, 9); /* at 50, 70, ... 190 */
    /* What is due after the wait, is due in a later one. */
    be_busy();
    look.later_ns = 100 * NS_PER_MS;
    look.looks = 0;
    poll(NULL, 0, 120);
    assert_int_equal(look.looks, 1);
    poll(NULL, 0, 20);
    assert_int_equal(look.looks, 1);
    poll(NULL, 0, 20);
    assert_int_equal(look.looks, 2);
}

static void collection_ends(void **state)
{
    (void)state;
    be_busy();
    slices.left = 20;
    uint64_t start_ns = clock_ns();
    assert_int_equal(poll(NULL, 0, 150), 0);
    assert_in_range(passed_ms(start_ns), 150, 250);
    assert_int_equal(slices.ran, 20);
    assert_int_equal(look.looks, 2);
}

static void collection_ends_with_the_wait(void **state)
{
    (void)state;
    be_busy();
    slices.left = 1000;
    uint64_t start_ns = clock_ns();
    assert_int_equal(poll(NULL, 0, 100), 0);
    assert_in_range(passed_ms(start_ns), 100, 150);
    assert_in_range(slices.ran, 5, 50);
    /* The next wait goes on at once. */
    int ran = slices.ran;
    assert_int_equal(poll(NULL, 0, 20), 0);
    assert_true(slices.ran > ran);
}

static void send_byte(void)
{
    if (slices.ran == 5)
        assert_int_equal(write(pipe_ends[1], "x", 1), 1);
}

static void collection_ends_with_an_event(void **state)
{
    (void)state;
    struct pollfd readable = {.fd = pipe_ends[0], .events = POLLIN};
    be_busy();
    slices.left = 1000;
    slices.inside = send_byte;
    assert_int_equal(poll(&readable, 1, -1), 1);
    assert_int_equal(readable.revents, POLLIN);
    assert_int_equal(slices.ran, 6);
}

static void wait_inside(void)
{
    assert_int_equal(poll(NULL, 0, 60), 0);
}

/* A finalizer waits. */
static void wait_in_a_slice_is_plain(void **state)
{
    (void)state;
    be_busy();
    slices.left = 2;
    slices.inside = wait_inside;
    assert_int_equal(poll(NULL, 0, 300), 0);
    assert_int_equal(slices.ran, 2);
    assert_int_equal(look.looks, 2);
}

static volatile sig_atomic_t handled;

static void handle(int number)
{
    (void)number;
    handled++;
}

static void raise_in_slice(void)
{
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    assert_true(sigismember(&mask, SIGTERM));
    assert_false(sigismember(&mask, SIGSEGV));
    if (slices.ran == 3)
        raise(SIGUSR1);
    assert_int_equal(handled, 0);
}

static void signal_in_a_slice_ends_the_wait(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
    struct epoll_event event;
    sigset_t before, after;
    sigaction(SIGUSR1, &action, NULL);
    pthread_sigmask(SIG_BLOCK, NULL, &before);
    int epoll = epoll_create1(0);
    for (int kind = 0; kind < 3; kind++) {
        be_busy();
        handled = 0;
        slices.left = 1000;
        slices.ran = 0;
        slices.inside = raise_in_slice;
        errno = 0;
        int result = kind == 0 ? epoll_wait(epoll, &event, 1, -1)
            : kind == 1        ? poll(NULL, 0, -1)
                               : select(0, NULL, NULL, NULL, NULL);
        assert_int_equal(result, -1);
        assert_int_equal(errno, EINTR);
        assert_int_equal(handled, 1);
        assert_int_equal(slices.ran, 4);
        pthread_sigmask(SIG_BLOCK, NULL, &after);
        for (int number = 1; number < NSIG; number++)
            assert_int_equal(sigismember(&before, number), sigismember(&after, number));
    }
    close(epoll);
}

/* Memory is short: idle at once, but busy is busy still. */
static void eager_thread_is_asked_at_once(void **state)
{
    (void)state;
    be_busy();
    atomic_store(&pressure_high, true);
    look.looks = 0;
    for (int i = 0; i < 100; i++)
        be_busy();
    assert_int_equal(look.looks, 0);
    slices.left = 5;
    uint64_t start_ns = clock_ns();
    assert_int_equal(poll(NULL, 0, 40), 0);
    assert_in_range(passed_ms(start_ns), 40, 100);
    assert_int_equal(slices.ran, 5);
    assert_true(look.long_enough > 0);
}

static void off_is_off(void **state)
{
    (void)state;
    settings_in_force.idle_gc_ms = 0;
    atomic_store(&pressure_high, true);
    assert_int_equal(poll(NULL, 0, 120), 0);
    assert_int_equal(look.looks, 0);
}

static void *wait_in_thread(void *unused)
{
    (void)unused;
    poll(NULL, 0, 120);
    return NULL;
}

static void other_threads_are_none_of_ours(void **state)
{
    (void)state;
    pthread_t thread;
    look.looks = 0;
    pthread_create(&thread, NULL, wait_in_thread, NULL);
    pthread_join(thread, NULL);
    assert_int_equal(look.looks, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(busy_thread_is_never_asked),
        TEST(idle_thread_is_asked_once),
        TEST(idle_thread_is_asked_first),
        TEST(short_waits_add_up),
        TEST(asked_again_when_told),
        TEST(collection_ends),
        TEST(collection_ends_with_the_wait),
        TEST(collection_ends_with_an_event),
        TEST(wait_in_a_slice_is_plain),
        TEST(signal_in_a_slice_ends_the_wait),
        TEST(eager_thread_is_asked_at_once),
        TEST(off_is_off),
        TEST(other_threads_are_none_of_ours),
    };
    return cmocka_run_group_tests_name("runtime event loop", tests, NULL, NULL);
}
