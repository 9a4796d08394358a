#include "child.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <cmocka.h>

#include "target/proc_text.h"
#include "target/threads.h"

enum { WAIT_MS_MAX = 10000 };

struct child child_start(child_body *body, void *argument)
{
    int from[2], to[2];
    assert_int_equal(pipe(from), 0);
    assert_int_equal(pipe(to), 0);
    pid_t parent = getpid();
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        close(from[0]);
        close(to[1]);
        body(from[1], to[0], argument);
        for (;;)
            pause();
    }
    close(from[1]);
    close(to[0]);
    return (struct child){.pid = pid, .from = from[0], .to = to[1]};
}

void child_end(struct child *child)
{
    kill(child->pid, SIGKILL);
    kill(child->pid, SIGCONT);
    waitpid(child->pid, NULL, 0);
    close(child->from);
    close(child->to);
}

void send_bytes(int pipe, const void *bytes, size_t count)
{
    for (size_t done = 0; done < count;) {
        ssize_t put = write(pipe, (const char *)bytes + done, count - done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            _exit(1);
        done += (size_t)put;
    }
}

void receive_bytes(int pipe, void *bytes, size_t count)
{
    for (size_t done = 0; done < count;) {
        ssize_t got = read(pipe, (char *)bytes + done, count - done);
        if (got < 0 && errno == EINTR)
            continue;
        assert_true(got > 0);
        done += (size_t)got;
    }
}

void sleep_ms(unsigned ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
}

void wait_for_state(pid_t pid, char letter)
{
    struct thread_state state = {0};
    for (int ms = 0; ms < WAIT_MS_MAX; ms++) {
        if (thread_state(pid, pid, &state) && state.letter == letter)
            return;
        sleep_ms(1);
    }
    fail_msg("process %d is in state %c, not %c", pid, state.letter, letter);
}

uint64_t status_number(pid_t pid, const char *name)
{
    char path[64];
    struct proc_text text = {0};
    uint64_t number = UINT64_MAX;
    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    assert_int_equal(proc_text_read_path(path, &text), 0);
    assert_true(proc_text_number(&text, name, &number));
    proc_text_free(&text);
    return number;
}
