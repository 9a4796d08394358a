/* What `respire heap` prints, in whatever form: the memory of a process's malloc. */
#ifndef RESPIRE_RENDER_HEAP_REPORT_H
#define RESPIRE_RENDER_HEAP_REPORT_H

#include "analyze/heap_rows.h"
#include "model/process.h"

struct heap_report {
    const struct process *process; /* with a malloc that was understood */
    const char *name;              /* of the process */
    struct heap_rows rows;
    size_t top;                    /* rows of each list */
};

#endif
