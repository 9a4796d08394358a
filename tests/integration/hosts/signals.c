/*
 * A host under a storm of signals: a timer interrupts it a thousand times a second while threads allocate and pages go
 * back. The handler is the host's, so it must run on the host's threads alone, whichever the kernel chooses.
 */
#include "lua_host.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/time.h>

enum { THREADS = 2, ROUNDS = 12, MAX_THREADS = THREADS + 1 };

static atomic_int known[MAX_THREADS];
static atomic_int known_count;
static atomic_long signals;
static atomic_long on_foreign_thread;

static void block_signals(int how)
{
    sigset_t alarm_alone;
    sigemptyset(&alarm_alone);
    sigaddset(&alarm_alone, SIGALRM);
    pthread_sigmask(how, &alarm_alone, NULL);
}

static void introduce_thread(void)
{
    atomic_store(&known[atomic_fetch_add(&known_count, 1)], (int)syscall(SYS_gettid));
}

static void count_signal(int number)
{
    (void)number;
    int error = errno;
    int self = (int)syscall(SYS_gettid);
    int familiar = 0;
    for (int i = 0; i < atomic_load(&known_count); i++)
        familiar |= atomic_load(&known[i]) == self;
    atomic_fetch_add(familiar ? &signals : &on_foreign_thread, 1);
    errno = error;
}

static void *work(void *unused)
{
    (void)unused;
    introduce_thread();
    block_signals(SIG_UNBLOCK);
    lua_State *L = open_state();
    keep_data(L);
    for (int round = 0; round < ROUNDS; round++) {
        burst(L, 30000);
        collect(L);
        check_data(L);
        sleep_ms(100);
    }
    lua_close(L);
    return NULL;
}

int main(void)
{
    struct sigaction action = {.sa_handler = count_signal};
    struct itimerval each_ms = {{0, 1000}, {0, 1000}};
    struct itimerval never = {{0, 0}, {0, 0}};
    pthread_t threads[THREADS];
    introduce_thread();
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &each_ms, NULL);
    lua_State *L = open_state();
    keep_data(L);
    /* A thread takes signals only once it is known. */
    block_signals(SIG_BLOCK);
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, work, NULL) != 0)
            die("no thread");
    }
    block_signals(SIG_UNBLOCK);
    for (int round = 0; round < ROUNDS; round++) {
        burst(L, 30000);
        if (respire_trim)
            respire_trim(L);
        check_data(L);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    setitimer(ITIMER_REAL, &never, NULL);
    print("signals", atomic_load(&signals));
    print("on_foreign_thread", atomic_load(&on_foreign_thread));
    print("count_bytes", count_bytes(L));
    wait_for_test();
    lua_close(L);
    return 0;
}
