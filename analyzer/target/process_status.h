/* Who a process is and whether it may be looked at. Only target/ includes this file. */
#ifndef RESPIRE_TARGET_PROCESS_STATUS_H
#define RESPIRE_TARGET_PROCESS_STATUS_H

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* Refuses what target_open_process() refuses, except for want of permission. */
struct error *process_status_check(pid_t pid);

/* The sentence for a file of /proc/PID that could not be opened: gone, or not permitted and what would permit it. */
struct error *process_status_refused(pid_t pid, const char *file, int number);

/* Who traces the thread or process; 0: nobody, or it is gone. */
pid_t process_status_tracer(pid_t tid);

/* An error that names the tracer when somebody traces the process. */
struct error *process_status_check_untraced(pid_t pid);

/* VmRSS; 0 when the kernel does not say. */
uint64_t process_status_resident_bytes(pid_t pid);

#endif
