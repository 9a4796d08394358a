/* What capture.c needs of a live process beyond target.h. Only target/ includes this file. */
#ifndef RESPIRE_TARGET_LIVE_PROCESS_H
#define RESPIRE_TARGET_LIVE_PROCESS_H

#include "target/proc_text.h"
#include "target/target.h"

/* The unparsed text of maps or smaps: reading it is short enough for a stop, parsing can wait. */
struct error *live_process_mappings_text(struct target *target, bool with_sizes, struct proc_text *text);

/* VmRSS now; 0 when the kernel does not say. */
uint64_t live_process_resident_bytes(const struct target *target);

/* An error when the process that was opened has ended or executed another program. */
struct error *live_process_check(const struct target *target);

#endif
