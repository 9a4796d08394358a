/*
 * Stops a process with PTRACE_SEIZE and PTRACE_INTERRUPT, which send it no signal and change no group stop. What it may
 * notice is EINTR from the few system calls that no stop can restart (signal(7) lists them; epoll_wait is one).
 *
 * The tracer is a thread of its own. When a tracer ends, the kernel lets go of all that it traced, also of threads
 * that never came to a stop and could not be detached otherwise; so the end of that thread is the release that can't
 * fail, and the death of respire at any instant is the same event.
 *
 * Stops are looked at with WNOWAIT: the kernel keeps the stop's signal until it is asked for in earnest, so a signal
 * on its way to the target is delivered even when respire is killed before it could hand it on.
 *
 * A thread in uninterruptible sleep comes to no stop until it wakes, but it can't return to the program either: the
 * interrupt is pending and stops it first. After a short grace it counts as stopped.
 */
#include "target/stop.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#include "base/array.h"
#include "base/clock.h"
#include "target/process_status.h"
#include "target/threads.h"

enum {
    STOP_MS_MAX = 2000,
    SLEEPER_GRACE_MS = 50,
    POLL_NS_MIN = 10000,
    POLL_NS_MAX = 500000,
    LET_GO_MS_MAX = 100,
};

enum traced_state {
    TRACED_SEIZED,  /* will stop soon */
    TRACED_STOPPED,
    TRACED_SLEEPER, /* in uninterruptible sleep, with an interrupt pending */
    TRACED_GONE,    /* exited, or none of the program's threads */
};

struct traced {
    pid_t tid;
    enum traced_state state;
    int signal; /* on its way to the thread when it stopped; handed on at release */
};

struct stop {
    pid_t pid;
    pthread_t tracer;
    sem_t taken, wanted_back;
    struct error *error;
    struct {
        struct traced *items;
        size_t count, capacity;
    } threads; /* ascending by tid */
    double began_ms, ended_ms;
};

static void wait_semaphore(sem_t *semaphore)
{
    while (sem_wait(semaphore) < 0 && errno == EINTR)
        ;
}

static int by_tid(const void *a, const void *b)
{
    const struct traced *left = a, *right = b;
    return (left->tid > right->tid) - (left->tid < right->tid);
}

static bool is_gone_or_kernel(pid_t pid, pid_t tid)
{
    struct thread_state state;
    return !thread_state(pid, tid, &state) || state.letter == 'Z' || state.letter == 'X' || thread_is_kernel(&state);
}

static struct error *seize(struct stop *stop, struct traced *traced)
{
    if (ptrace(PTRACE_SEIZE, traced->tid, NULL, NULL) == 0) {
        if (stop->began_ms <= 0)
            stop->began_ms = clock_now_ms();
        if (ptrace(PTRACE_INTERRUPT, traced->tid, NULL, NULL) == 0 || errno == ESRCH)
            return NULL;
        return error_errno(ERROR_UNREADABLE, errno, "thread %d of process %d can't be stopped", traced->tid, stop->pid);
    }
    int number = errno;
    if (number == ESRCH || is_gone_or_kernel(stop->pid, traced->tid)) {
        traced->state = TRACED_GONE;
        return NULL;
    }
    struct error *error = process_status_check_untraced(stop->pid);
    return error ? error : process_status_refused(stop->pid, "mem", number);
}

/* Seize the threads that are new since the last time. */
static struct error *seize_new(struct stop *stop, size_t *added)
{
    struct thread_list list = {0};
    struct error *error = NULL;
    size_t known = stop->threads.count;
    int number = threads_list(stop->pid, &list);
    if (number)
        error = process_status_refused(stop->pid, "task", number);
    for (size_t i = 0; i < list.count && !error; i++) {
        struct traced key = {.tid = list.items[i]};
        if (known && bsearch(&key, stop->threads.items, known, sizeof(key), by_tid))
            continue;
        struct traced *traced = ARRAY_ADD(&stop->threads);
        if (!traced) {
            error = error_no_memory();
            break;
        }
        *traced = key;
        error = seize(stop, traced);
    }
    threads_free(&list);
    *added = stop->threads.count - known;
    return error;
}

/* What became of a thread that has not stopped yet. */
static void look(const struct stop *stop, struct traced *traced, bool grace_is_over)
{
    siginfo_t info = {0};
    int options = WSTOPPED | WEXITED | WNOHANG | WNOWAIT | __WALL;
    struct thread_state state;
    if (waitid(P_PID, (id_t)traced->tid, &info, options) < 0) {
        traced->state = TRACED_GONE;
    } else if (info.si_pid != 0 && (info.si_code == CLD_TRAPPED || info.si_code == CLD_STOPPED)) {
        traced->state = TRACED_STOPPED;
        traced->signal = info.si_status >> 8 ? 0 : info.si_status;
    } else if (info.si_pid != 0) {
        traced->state = TRACED_GONE;
    } else if (grace_is_over) {
        if (!thread_state(stop->pid, traced->tid, &state) || state.letter == 'Z' || state.letter == 'X')
            traced->state = TRACED_GONE;
        else if (state.letter == 'D')
            traced->state = TRACED_SLEEPER;
    }
}

static struct traced *first_running(struct stop *stop, bool grace_is_over)
{
    struct traced *running = NULL;
    for (size_t i = 0; i < stop->threads.count; i++) {
        struct traced *traced = &stop->threads.items[i];
        if (traced->state == TRACED_SEIZED)
            look(stop, traced, grace_is_over);
        if (traced->state == TRACED_SEIZED && !running)
            running = traced;
    }
    return running;
}

static struct error *wait_all(struct stop *stop)
{
    double start_ms = clock_now_ms();
    struct timespec pause = {.tv_nsec = POLL_NS_MIN};
    for (;;) {
        double waited_ms = clock_now_ms() - start_ms;
        const struct traced *running = first_running(stop, waited_ms > SLEEPER_GRACE_MS);
        if (!running)
            return NULL;
        if (waited_ms > STOP_MS_MAX)
            return error_new(ERROR_UNREADABLE, "thread %d of process %d did not stop within %d ms;"
                             " try again when the machine is less busy", running->tid, stop->pid, STOP_MS_MAX);
        nanosleep(&pause, NULL);
        if (pause.tv_nsec < POLL_NS_MAX)
            pause.tv_nsec *= 2;
    }
}

static struct error *stop_all(struct stop *stop)
{
    double deadline_ms = clock_now_ms() + STOP_MS_MAX;
    size_t added = 1;
    while (added > 0) {
        struct error *error = seize_new(stop, &added);
        if (!error && added > 0)
            error = wait_all(stop);
        if (error)
            return error;
        if (added > 0 && clock_now_ms() > deadline_ms)
            return error_new(ERROR_UNREADABLE, "process %d makes threads faster than they can be stopped;"
                             " try again when it is less busy", stop->pid);
        if (stop->threads.items)
            qsort(stop->threads.items, stop->threads.count, sizeof(*stop->threads.items), by_tid);
    }
    return NULL;
}

static void release_all(struct stop *stop)
{
    for (size_t i = 0; i < stop->threads.count; i++) {
        struct traced *traced = &stop->threads.items[i];
        if (traced->state == TRACED_SEIZED || traced->state == TRACED_SLEEPER)
            look(stop, traced, false);
        if (traced->state == TRACED_STOPPED)
            ptrace(PTRACE_DETACH, traced->tid, NULL, (void *)(intptr_t)traced->signal);
    }
    stop->ended_ms = clock_now_ms();
}

static void *tracer_main(void *argument)
{
    struct stop *stop = argument;
    prctl(PR_SET_TIMERSLACK, 1);
    stop->error = stop_all(stop);
    bool taken = !stop->error;
    if (!taken)
        release_all(stop);
    sem_post(&stop->taken);
    if (taken) {
        wait_semaphore(&stop->wanted_back);
        release_all(stop);
    }
    return NULL;
}

/* The tracer's thread has been joined, but the kernel may still be letting go of what it left behind. */
static void wait_let_go(const struct stop *stop)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    for (size_t i = 0; i < stop->threads.count; i++) {
        const struct traced *traced = &stop->threads.items[i];
        if (traced->state != TRACED_SEIZED && traced->state != TRACED_SLEEPER)
            continue;
        for (int ms = 0; ms < LET_GO_MS_MAX && process_status_tracer(traced->tid) != 0; ms++)
            nanosleep(&pause, NULL);
    }
}

/* Joins the tracer, which has released or been told to, and returns how long the process was stopped. */
static double stop_free(struct stop *stop)
{
    pthread_join(stop->tracer, NULL);
    double pause_ms = stop->began_ms > 0 ? stop->ended_ms - stop->began_ms : 0;
    wait_let_go(stop);
    sem_destroy(&stop->taken);
    sem_destroy(&stop->wanted_back);
    ARRAY_FREE(&stop->threads);
    free(stop);
    return pause_ms;
}

/* Signals meant for respire are handled by its other threads, so that none cuts the stop short. */
static int start_tracer(struct stop *stop)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int number = pthread_create(&stop->tracer, NULL, tracer_main, stop);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return number;
}

struct error *stop_take(pid_t pid, struct stop **stop)
{
    struct stop *fresh = calloc(1, sizeof(*fresh));
    if (!fresh)
        return error_no_memory();
    fresh->pid = pid;
    sem_init(&fresh->taken, 0, 0);
    sem_init(&fresh->wanted_back, 0, 0);
    int number = start_tracer(fresh);
    if (number) {
        free(fresh);
        return error_errno(ERROR_FAILED, number, "a thread to stop process %d", pid);
    }
    wait_semaphore(&fresh->taken);
    struct error *error = fresh->error;
    if (error)
        stop_free(fresh);
    else
        *stop = fresh;
    return error;
}

double stop_release(struct stop *stop)
{
    sem_post(&stop->wanted_back);
    return stop_free(stop);
}
