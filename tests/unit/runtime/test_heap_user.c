/*
 * Whose heap is it? And is this thread in a signal handler?
 */
#include "unit.h"
#include "heap_user.h"
#include "signal_frame.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TURNS 16

static void *come_by(void *user)
{
    this_turn.turn++;
    heap_user_note(user);
    return NULL;
}

static void let_other_come_by(struct heap_user *user)
{
    pthread_t thread;
    pthread_create(&thread, NULL, come_by, user);
    pthread_join(thread, NULL);
}

static void take_turns(struct heap_user *user, int turns)
{
    for (int i = 0; i < turns; i++) {
        this_turn.turn++;
        for (int visits = 0; visits < 5; visits++)
            heap_user_note(user);
    }
}

/* In a child, since what is learnt of the process holds for ever. */
static void in_child(void (*check)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        check();
        _exit(0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
}

static void expect(bool condition)
{
    if (!condition)
        abort();
}

static void check_home(void)
{
    struct heap_user user = {0};
    heap_user_begin(&user);
    take_turns(&user, TURNS - 1);
    expect(!heap_user_is_home(&user));
    take_turns(&user, 1);
    expect(heap_user_is_home(&user));
}

static void home_after_many_turns(void **state)
{
    (void)state;
    in_child(check_home);
}

static void check_shared(void)
{
    struct heap_user user = {0};
    struct heap_user other = {0};
    heap_user_begin(&user);
    heap_user_begin(&other);
    take_turns(&user, TURNS);
    take_turns(&other, TURNS);
    expect(heap_user_is_home(&user) && heap_user_is_home(&other));
    let_other_come_by(&user);
    /* For ever, and for all heaps. */
    take_turns(&user, 10 * TURNS);
    expect(!heap_user_is_home(&user) && !heap_user_is_home(&other));
    expect(atomic_load(&user.shared) && !atomic_load(&other.shared));
}

static void shared_for_ever(void **state)
{
    (void)state;
    in_child(check_shared);
}

static void check_numbers(void)
{
    struct heap_user user = {0};
    heap_user_begin(&user);
    uint64_t first = this_turn.thread;
    /* Threads that come one after the other get the same stack and the same thread pointer. */
    for (int i = 0; i < 3; i++) {
        struct heap_user visited = {0};
        let_other_come_by(&visited);
        expect(atomic_load(&visited.thread) > first);
        first = atomic_load(&visited.thread);
    }
}

static void numbers_are_given_once(void **state)
{
    (void)state;
    in_child(check_numbers);
}

static void check_fork(void)
{
    struct heap_user mine = {0};
    struct heap_user others = {0};
    heap_user_begin(&mine);
    let_other_come_by(&others);
    heap_user_forked(&mine);
    heap_user_forked(&others);
    expect(!atomic_load(&mine.stranded));
    expect(atomic_load(&others.stranded));
}

static void stranded_by_fork(void **state)
{
    (void)state;
    in_child(check_fork);
}

static volatile sig_atomic_t in_handler;

static __attribute__((noinline)) bool ask(void)
{
    return in_signal_handler(__builtin_frame_address(0));
}

static void handle(int number)
{
    (void)number;
    signal(SIGUSR2, SIG_DFL);
    in_handler = ask();
}

static void handlers_are_seen(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = handle};
    stack_t alternate = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};
    signal_frame_note_stack();
    assert_false(ask());
    sigaction(SIGUSR1, &action, NULL);
    assert_false(ask());
    raise(SIGUSR1);
    assert_true(in_handler);
    assert_false(ask());
    /* One that resets itself, and one on a stack of its own. */
    in_handler = false;
    action.sa_flags = SA_RESETHAND;
    sigaction(SIGUSR2, &action, NULL);
    raise(SIGUSR2);
    assert_true(in_handler);
    in_handler = false;
    sigaltstack(&alternate, NULL);
    action.sa_flags = SA_ONSTACK;
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    assert_true(in_handler);
    alternate.ss_flags = SS_DISABLE;
    sigaltstack(&alternate, NULL);
    free(alternate.ss_sp);
}

struct asked {
    bool note;
    bool outside;
    bool inside;
};

static void *ask_in_thread(void *argument)
{
    struct asked *asked = argument;
    struct sigaction action = {.sa_handler = handle};
    if (asked->note)
        signal_frame_note_stack();
    asked->outside = ask();
    sigaction(SIGUSR1, &action, NULL);
    in_handler = false;
    raise(SIGUSR1);
    asked->inside = in_handler;
    return NULL;
}

static void threads_have_noted_their_stacks(void **state)
{
    (void)state;
    for (int note = 0; note < 2; note++) {
        struct asked asked = {.note = note == 1};
        pthread_t thread;
        pthread_create(&thread, NULL, ask_in_thread, &asked);
        pthread_join(thread, NULL);
        assert_int_equal(asked.outside, note == 0);
        assert_true(asked.inside);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(home_after_many_turns), cmocka_unit_test(shared_for_ever),
        cmocka_unit_test(numbers_are_given_once), cmocka_unit_test(stranded_by_fork),
        cmocka_unit_test(handlers_are_seen),     cmocka_unit_test(threads_have_noted_their_stacks),
    };
    return cmocka_run_group_tests_name("runtime heap user", tests, NULL, NULL);
}
