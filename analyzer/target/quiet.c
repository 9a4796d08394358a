/*
 * Owns the order of looks that makes the proof sound. A state of S in /proc/PID/stat alone proves nothing: a thread
 * that is about to sleep shows S while it still runs, and may turn back without a switch. /proc/PID/syscall says
 * "running" unless the kernel found the thread switched out. So for each thread:
 *
 *     begin:  read the counts, then find it asleep and switched out      (counts ≤ those at that moment)
 *     holds:  read the counts again; equal                               (so it was never switched in since)
 *
 * A thread in uninterruptible sleep is not accepted: a vfork()ed child may be running in its memory.
 */
#include "target/quiet.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_count(pid_t pid, pid_t tid, struct quiet_count *count)
{
    char text[128];
    if (!thread_file(pid, tid, "schedstat", text, sizeof(text)))
        return false;
    if (sscanf(text, "%" SCNu64 " %*u %" SCNu64, &count->ran_ns, &count->switched_in) != 2)
        return false;
    return count->switched_in > 0; /* all zero: a kernel without the counts */
}

static bool is_switched_out(pid_t pid, pid_t tid)
{
    static const char running[] = "running";
    struct thread_state state;
    char text[256];
    return thread_state(pid, tid, &state) && (state.letter == 'S' || state.letter == 'T')
        && thread_file(pid, tid, "syscall", text, sizeof(text)) && strncmp(text, running, sizeof(running) - 1) != 0;
}

bool quiet_begin(pid_t pid, struct quiet *quiet)
{
    *quiet = (struct quiet){0};
    if (threads_list(pid, &quiet->threads) != 0)
        return false;
    quiet->counts = calloc(quiet->threads.count, sizeof(*quiet->counts));
    if (!quiet->counts)
        return false;
    for (size_t i = 0; i < quiet->threads.count; i++) {
        pid_t tid = quiet->threads.items[i];
        if (!read_count(pid, tid, &quiet->counts[i]) || !is_switched_out(pid, tid))
            return false;
    }
    return true;
}

bool quiet_holds(pid_t pid, const struct quiet *quiet)
{
    struct thread_list now = {0};
    bool same = threads_list(pid, &now) == 0 && threads_equal(&now, &quiet->threads);
    threads_free(&now);
    for (size_t i = 0; i < quiet->threads.count && same; i++) {
        struct quiet_count count;
        same = read_count(pid, quiet->threads.items[i], &count) && count.ran_ns == quiet->counts[i].ran_ns
            && count.switched_in == quiet->counts[i].switched_in;
    }
    return same;
}

void quiet_free(struct quiet *quiet)
{
    threads_free(&quiet->threads);
    free(quiet->counts);
    quiet->counts = NULL;
}
