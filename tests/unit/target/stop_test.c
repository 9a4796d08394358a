/* A stop holds every thread, loses no signal, changes no state, and ends when respire does, however that ends. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "checks.h"
#include "child.h"
#include "target/capture.h"
#include "target/process_status.h"
#include "target/stop.h"
#include "target/target.h"
#include "target/threads.h"

enum {
    THREADS = 6,
    PAGE = 4096,
};

/* Shared with the child, so that the test can watch it without looking at its memory from outside. */
struct watched {
    _Atomic uint64_t steps[THREADS];
    _Atomic uint64_t signals;
    _Atomic uint64_t wrong_signals;
};

static struct watched *watched_new(void)
{
    return mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static struct watched *counted_in;

static void count_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (number == SIGRTMIN && info->si_code == SI_QUEUE && info->si_value.sival_int == 42)
        atomic_fetch_add(&counted_in->signals, 1);
    else
        atomic_fetch_add(&counted_in->wrong_signals, 1);
}

static void *step(void *argument)
{
    _Atomic uint64_t *steps = argument;
    for (;;)
        atomic_fetch_add(steps, 1);
    return NULL;
}

/* Half of the threads run, half sleep in short steps; signals are counted. */
static void *doze(void *argument)
{
    _Atomic uint64_t *steps = argument;
    const struct timespec pause = {.tv_nsec = 200000};
    for (;;) {
        nanosleep(&pause, NULL);
        atomic_fetch_add(steps, 1);
    }
    return NULL;
}

static void stepper_body(int to_parent, int from_parent, void *argument)
{
    (void)from_parent;
    counted_in = argument;
    const struct sigaction action = {.sa_sigaction = count_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGRTMIN, &action, NULL);
    for (int i = 1; i < THREADS; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, i % 3 == 0 ? step : doze, &counted_in->steps[i]);
    }
    send_bytes(to_parent, "!", 1);
    doze(&counted_in->steps[0]);
}

static struct child stepper_start(struct watched *watched)
{
    char ready;
    struct child child = child_start(stepper_body, watched);
    receive_bytes(child.from, &ready, 1);
    return child;
}

static uint64_t all_steps(const struct watched *watched)
{
    uint64_t sum = 0;
    for (int i = 0; i < THREADS; i++)
        sum += atomic_load(&watched->steps[i]);
    return sum;
}

/* Every thread goes on within a few seconds, and nobody traces any. */
static void assert_runs_on(pid_t pid, const struct watched *watched)
{
    uint64_t before[THREADS];
    struct thread_list threads = {0};
    for (int i = 0; i < THREADS; i++)
        before[i] = atomic_load(&watched->steps[i]);
    for (int i = 0; i < THREADS; i++) {
        int ms = 0;
        while (atomic_load(&watched->steps[i]) == before[i] && ms++ < 5000)
            sleep_ms(1);
        assert_true(ms < 5000);
    }
    assert_int_equal(threads_list(pid, &threads), 0);
    for (size_t i = 0; i < threads.count; i++)
        assert_int_equal(process_status_tracer(threads.items[i]), 0);
    threads_free(&threads);
}

static void holds_every_thread(void **state)
{
    (void)state;
    skip_unless_root();
    struct watched *watched = watched_new();
    struct child child = stepper_start(watched);
    for (int round = 0; round < 100; round++) {
        struct stop *stop;
        assert_ok(stop_take(child.pid, &stop));
        uint64_t steps = all_steps(watched);
        sleep_ms(2);
        assert_int_equal(all_steps(watched), steps);
        double pause_ms = stop_release(stop);
        assert_true(pause_ms >= 2 && pause_ms < 2000);
    }
    assert_runs_on(child.pid, watched);
    child_end(&child);
    munmap(watched, PAGE);
}

static void *end_at_once(void *argument)
{
    return argument;
}

static void *spawn(void *argument)
{
    struct watched *watched = argument;
    for (;;) {
        pthread_t thread;
        atomic_fetch_add(&watched->steps[0], 1);
        if (pthread_create(&thread, NULL, end_at_once, NULL) == 0)
            pthread_join(thread, NULL);
    }
    return NULL;
}

static void spawner_body(int to_parent, int from_parent, void *argument)
{
    (void)from_parent;
    pthread_t thread;
    for (int i = 0; i < 3; i++)
        pthread_create(&thread, NULL, spawn, argument);
    send_bytes(to_parent, "!", 1);
}

/* Threads that come and go while they are being stopped. */
static void holds_a_process_that_makes_threads(void **state)
{
    (void)state;
    skip_unless_root();
    char ready;
    struct watched *watched = watched_new();
    struct child child = child_start(spawner_body, watched);
    receive_bytes(child.from, &ready, 1);
    for (int round = 0; round < 100; round++) {
        struct stop *stop;
        assert_ok(stop_take(child.pid, &stop));
        uint64_t steps = all_steps(watched);
        sleep_ms(1);
        assert_int_equal(all_steps(watched), steps);
        stop_release(stop);
    }
    uint64_t steps = all_steps(watched);
    for (int ms = 0; all_steps(watched) == steps; ms++) {
        assert_true(ms < 5000);
        sleep_ms(1);
    }
    child_end(&child);
    munmap(watched, PAGE);
}

static void wait_for_signals(const struct watched *watched, uint64_t sent)
{
    for (int ms = 0; ms < 5000 && atomic_load(&watched->signals) < sent; ms++)
        sleep_ms(1);
    assert_int_equal(atomic_load(&watched->signals), sent);
    assert_int_equal(atomic_load(&watched->wrong_signals), 0);
}

struct sender {
    pid_t pid;
    uint64_t sent;
    atomic_bool enough;
};

static void *send_signals(void *argument)
{
    struct sender *sender = argument;
    const union sigval value = {.sival_int = 42};
    const struct timespec pause = {.tv_nsec = 50000};
    while (!atomic_load(&sender->enough)) {
        sender->sent += sigqueue(sender->pid, SIGRTMIN, value) == 0;
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static void loses_no_signal(void **state)
{
    (void)state;
    skip_unless_root();
    pthread_t thread;
    struct watched *watched = watched_new();
    struct child child = stepper_start(watched);
    struct sender sender = {.pid = child.pid};
    assert_int_equal(pthread_create(&thread, NULL, send_signals, &sender), 0);
    for (int round = 0; round < 500; round++) {
        struct stop *stop;
        assert_ok(stop_take(child.pid, &stop));
        stop_release(stop);
    }
    atomic_store(&sender.enough, true);
    pthread_join(thread, NULL);
    assert_true(sender.sent > 500);
    wait_for_signals(watched, sender.sent);
    child_end(&child);
    munmap(watched, PAGE);
}

static void leaves_a_stopped_process_stopped(void **state)
{
    (void)state;
    skip_unless_root();
    struct watched *watched = watched_new();
    struct child child = stepper_start(watched);
    kill(child.pid, SIGSTOP);
    wait_for_state(child.pid, 'T');
    uint64_t steps = all_steps(watched);
    for (int round = 0; round < 20; round++) {
        struct stop *stop;
        assert_ok(stop_take(child.pid, &stop));
        stop_release(stop);
        wait_for_state(child.pid, 'T');
    }
    struct target *target;
    struct capture capture;
    assert_ok(target_open_process(child.pid, &target));
    assert_ok(capture_take(target, &(struct capture_options){.never_stop = true}, &capture));
    assert_false(capture.stopped);
    capture_free(&capture);
    target_close(target);
    sleep_ms(20);
    assert_int_equal(all_steps(watched), steps);
    wait_for_state(child.pid, 'T');
    kill(child.pid, SIGCONT);
    assert_runs_on(child.pid, watched);
    child_end(&child);
    munmap(watched, PAGE);
}

/* SIGSTOP and SIGCONT that arrive during a stop mean what they always mean, once it is over. */
static void obeys_job_control_during_the_stop(void **state)
{
    (void)state;
    skip_unless_root();
    struct watched *watched = watched_new();
    struct child child = stepper_start(watched);
    struct stop *stop;
    assert_ok(stop_take(child.pid, &stop));
    kill(child.pid, SIGSTOP);
    stop_release(stop);
    wait_for_state(child.pid, 'T');
    assert_ok(stop_take(child.pid, &stop));
    kill(child.pid, SIGCONT);
    stop_release(stop);
    assert_runs_on(child.pid, watched);
    child_end(&child);
    munmap(watched, PAGE);
}

static int vfork_child(void *argument)
{
    (void)argument;
    sleep_ms(400);
    _exit(0);
}

static void vfork_body(int to_parent, int from_parent, void *argument)
{
    (void)from_parent;
    struct watched *watched = argument;
    static unsigned char stack[64 << 10];
    send_bytes(to_parent, "!", 1);
    for (;;) {
        atomic_fetch_add(&watched->steps[0], 1);
        pid_t pid = clone(vfork_child, stack + sizeof(stack), CLONE_VFORK | SIGCHLD, NULL);
        waitpid(pid, NULL, 0);
    }
}

/* The parent in vfork sleeps uninterruptibly: it is held without waiting for its child, and goes on later. */
static void holds_a_thread_in_uninterruptible_sleep(void **state)
{
    (void)state;
    skip_unless_root();
    char ready;
    struct watched *watched = watched_new();
    struct child child = child_start(vfork_body, watched);
    receive_bytes(child.from, &ready, 1);
    for (int round = 0; round < 5; round++) {
        struct stop *stop;
        wait_for_state(child.pid, 'D');
        assert_ok(stop_take(child.pid, &stop));
        uint64_t steps = all_steps(watched);
        sleep_ms(round % 2 ? 500 : 1);
        assert_int_equal(all_steps(watched), steps);
        stop_release(stop);
        assert_int_equal(process_status_tracer(child.pid), 0);
        for (int ms = 0; all_steps(watched) == steps; ms++) {
            assert_true(ms < 5000);
            sleep_ms(1);
        }
    }
    child_end(&child);
    munmap(watched, PAGE);
}

static void capturer_body(int to_parent, int from_parent, void *argument)
{
    (void)from_parent;
    struct target *target;
    struct error *error = target_open_process(*(pid_t *)argument, &target);
    send_bytes(to_parent, error ? "n" : "y", 1);
    for (struct capture capture; !error;) {
        error = capture_take(target, &(struct capture_options){.always_stop = true}, &capture);
        if (!error)
            capture_free(&capture);
    }
    _exit(1);
}

/* respire is killed at random instants of its captures; the target runs on and gets every signal. */
static void survives_the_death_of_respire(void **state)
{
    (void)state;
    skip_unless_root();
    pthread_t thread;
    struct watched *watched = watched_new();
    struct child child = stepper_start(watched);
    struct sender sender = {.pid = child.pid};
    assert_int_equal(pthread_create(&thread, NULL, send_signals, &sender), 0);
    srand(11);
    for (int round = 0; round < 300; round++) {
        char ready;
        struct child capturer = child_start(capturer_body, &child.pid);
        receive_bytes(capturer.from, &ready, 1);
        assert_int_equal(ready, 'y');
        struct timespec life = {.tv_nsec = rand() % 12000000};
        nanosleep(&life, NULL);
        child_end(&capturer);
        if (round % 10 == 0)
            assert_runs_on(child.pid, watched);
    }
    atomic_store(&sender.enough, true);
    pthread_join(thread, NULL);
    assert_runs_on(child.pid, watched);
    wait_for_signals(watched, sender.sent);
    child_end(&child);
    munmap(watched, PAGE);
}

static void dead_target_is_one_error(void **state)
{
    (void)state;
    skip_unless_root();
    struct watched *watched = watched_new();
    struct child child = stepper_start(watched);
    struct stop *stop;
    assert_ok(stop_take(child.pid, &stop));
    kill(child.pid, SIGKILL);
    stop_release(stop);
    int status;
    assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_error(stop_take(child.pid, &stop), ERROR_UNREADABLE, "ended");
    close(child.from);
    close(child.to);
    munmap(watched, PAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_every_thread),
        cmocka_unit_test(holds_a_process_that_makes_threads),
        cmocka_unit_test(loses_no_signal),
        cmocka_unit_test(leaves_a_stopped_process_stopped),
        cmocka_unit_test(obeys_job_control_during_the_stop),
        cmocka_unit_test(holds_a_thread_in_uninterruptible_sleep),
        cmocka_unit_test(survives_the_death_of_respire),
        cmocka_unit_test(dead_target_is_one_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
