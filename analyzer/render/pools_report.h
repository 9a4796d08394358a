/* What a report of `respire pools` is printed from. */
#ifndef RESPIRE_RENDER_POOLS_REPORT_H
#define RESPIRE_RENDER_POOLS_REPORT_H

#include "analyze/pool_rows.h"
#include "model/process.h"

struct pools_report {
    const struct process *process; /* its pools were understood */
    const char *name;              /* "nginx", or the core file's name */
    struct pool_rows rows;
};

#endif
