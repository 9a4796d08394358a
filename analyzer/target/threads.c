/* Lists /proc/PID/task and reads the short files of a thread. */
#include "target/threads.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"

enum { PATH_BYTES = 64 };

/* include/linux/sched.h of the kernel */
#define KERNEL_IO_WORKER 0x00000010u   /* PF_IO_WORKER, since 5.12 */
#define KERNEL_USER_WORKER 0x00004000u /* PF_USER_WORKER, since 6.4 */
#define KERNEL_THREAD 0x00200000u      /* PF_KTHREAD */

static int ascending(const void *a, const void *b)
{
    const pid_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

int threads_list(pid_t pid, struct thread_list *threads)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof(path), "/proc/%d/task", pid);
    CLEANUP(cleanup_closedir) DIR *directory = opendir(path);
    if (!directory)
        return errno;
    threads->count = 0;
    for (const struct dirent *entry; (entry = readdir(directory));) {
        int tid = atoi(entry->d_name);
        if (tid <= 0)
            continue;
        pid_t *added = ARRAY_ADD(threads);
        if (!added)
            return ENOMEM;
        *added = tid;
    }
    if (threads->count == 0)
        return ENOENT;
    qsort(threads->items, threads->count, sizeof(*threads->items), ascending);
    return 0;
}

void threads_free(struct thread_list *threads)
{
    ARRAY_FREE(threads);
}

bool threads_equal(const struct thread_list *a, const struct thread_list *b)
{
    return a->count == b->count && memcmp(a->items, b->items, a->count * sizeof(*a->items)) == 0;
}

bool thread_file(pid_t pid, pid_t tid, const char *name, char *text, size_t text_bytes)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", pid, tid, name);
    CLEANUP(cleanup_close) int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = file < 0 ? -1 : read(file, text, text_bytes - 1);
    if (got <= 0)
        return false;
    text[got] = '\0';
    return true;
}

bool thread_state(pid_t pid, pid_t tid, struct thread_state *state)
{
    char text[1024];
    if (!thread_file(pid, tid, "stat", text, sizeof(text)))
        return false;
    /* pid (name) state ppid pgrp session tty tpgid flags …; the name may hold anything, also ") " */
    const char *after_name = strrchr(text, ')');
    unsigned long flags;
    char letter;
    if (!after_name || sscanf(after_name, ") %c %*d %*d %*d %*d %*d %lu", &letter, &flags) != 2)
        return false;
    *state = (struct thread_state){.letter = letter, .flags = flags};
    return true;
}

bool thread_is_kernel(const struct thread_state *state)
{
    return state->flags & (KERNEL_THREAD | KERNEL_IO_WORKER | KERNEL_USER_WORKER);
}
