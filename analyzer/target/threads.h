/* The threads of a process as /proc shows them. Only target/ includes this file. */
#ifndef RESPIRE_TARGET_THREADS_H
#define RESPIRE_TARGET_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct thread_list {
    pid_t *items; /* ascending */
    size_t count, capacity;
};

struct thread_state {
    char letter;    /* R S D T t Z X I, as in proc(5) */
    uint64_t flags; /* PF_… of the kernel */
};

/* Replaces what the list held. 0 or an errno value; ENOENT when there is no such process. */
int threads_list(pid_t pid, struct thread_list *threads);

void threads_free(struct thread_list *threads);

bool threads_equal(const struct thread_list *a, const struct thread_list *b);

/* False when there is no such thread (any more). */
bool thread_state(pid_t pid, pid_t tid, struct thread_state *state);

/* True for the kernel's own threads, and for those of its workers that are listed among a process's threads. */
bool thread_is_kernel(const struct thread_state *state);

/* Read a short file /proc/PID/task/TID/NAME into `text`, with '\0' at its end. False when it can't be read. */
bool thread_file(pid_t pid, pid_t tid, const char *name, char *text, size_t text_bytes);

#endif
