/* Children that tests look at: forked, told what to do, talking through pipes, and never left behind. */
#ifndef RESPIRE_TESTS_CHILD_H
#define RESPIRE_TESTS_CHILD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct child {
    pid_t pid;
    int from, to; /* pipes: what the child says, what it hears */
};

/* What a child does. It never returns to the test: when it is done, it sleeps until it is killed. */
typedef void child_body(int to_parent, int from_parent, void *argument);

struct child child_start(child_body *body, void *argument);

/* Kill it and wait for its end. */
void child_end(struct child *child);

/* All bytes or a failed test. */
void send_bytes(int pipe, const void *bytes, size_t count);
void receive_bytes(int pipe, void *bytes, size_t count);

/* Wait until the first letter behind the name in /proc/PID/stat is `letter`. */
void wait_for_state(pid_t pid, char letter);

/* The number behind "NAME:" in /proc/PID/status. */
uint64_t status_number(pid_t pid, const char *name);

void sleep_ms(unsigned ms);

#endif
