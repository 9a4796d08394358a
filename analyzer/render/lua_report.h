/* What `respire lua` prints, in whatever form: the states of a process, and who holds their memory. */
#ifndef RESPIRE_RENDER_LUA_REPORT_H
#define RESPIRE_RENDER_LUA_REPORT_H

#include "analyze/holders.h"
#include "model/process.h"

struct lua_report {
    const struct process *process;
    const char *name;                  /* of the process */
    const struct lua_holders *holders; /* one for each state; that of a damaged state is empty */
    unsigned asked;                    /* enum holders_part: what was asked for by name; 0: the overview */
    size_t top;                        /* rows of each list, and children of each step of a path */
};

#endif
