/* What a report of `respire shm` is printed from. */
#ifndef RESPIRE_RENDER_SHM_REPORT_H
#define RESPIRE_RENDER_SHM_REPORT_H

#include "model/process.h"

struct shm_report {
    const struct process *process; /* its zones were looked at */
    const char *name;              /* "nginx", or the core file's name */
    const struct shared_zone *only; /* the one zone that was asked for; NULL: all */
    bool show_strings;
    size_t top;                    /* entries that are shown by themselves */
};

#endif
