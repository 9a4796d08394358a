/*
 * The proof that a process did not run, taken from outside and without a stop. Only target/ includes this file.
 *
 * quiet_begin() finds every thread switched out and notes how often each was ever switched in; quiet_holds() finds
 * the same threads with the same counts. A thread that is off the processor at one moment and was not switched in
 * since has not run an instruction in between.
 */
#ifndef RESPIRE_TARGET_QUIET_H
#define RESPIRE_TARGET_QUIET_H

#include <stdbool.h>
#include <stdint.h>

#include "target/threads.h"

struct quiet_count {
    uint64_t ran_ns, switched_in; /* fields 1 and 3 of /proc/PID/task/TID/schedstat */
};

struct quiet {
    struct thread_list threads;
    struct quiet_count *counts; /* one for each thread */
};

/* False when some thread runs, or when this kernel keeps no such counts. Free it in any case. */
bool quiet_begin(pid_t pid, struct quiet *quiet);

bool quiet_holds(pid_t pid, const struct quiet *quiet);

void quiet_free(struct quiet *quiet);

#endif
