/*
 * A stop of a whole process: all its threads, within a bounded time, and released exactly as they were. Only target/
 * includes this file.
 */
#ifndef RESPIRE_TARGET_STOP_H
#define RESPIRE_TARGET_STOP_H

#include <sys/types.h>

#include "base/error.h"

struct stop;

/* Stop every thread of `pid`. On failure nothing is left stopped. */
struct error *stop_take(pid_t pid, struct stop **stop);

/* Let it run on. Returns how long it was stopped: from the first thread's stop to the last one's release. */
double stop_release(struct stop *stop);

#endif
