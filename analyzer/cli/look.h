/* What the reading commands share: open the target that the options name, look, and name it in the output. */
#ifndef RESPIRE_CLI_LOOK_H
#define RESPIRE_CLI_LOOK_H

#include "analyze/examine.h"
#include "cli/options.h"

enum { PROCESS_NAME_BYTES = 64 };

struct look {
    struct process process;
    char name[PROCESS_NAME_BYTES]; /* "nginx", or the core file's name */
    bool is_core;
    uint64_t taken_ns;             /* since 1970 */
    bool is_snapshot;              /* what a snapshot of process or core kept */
};

/*
 * `wanted`: what is needed beside the states; whether to stop is told by the options. Release `look->process` with
 * process_release(). Says on a terminal that it is reading, when there is much to read.
 */
struct error *look_take(const struct cli_options *options, struct examine_options wanted, struct look *look);

/* The first half of it, for process or core: open and name it. Close `target`. */
struct error *look_open(const struct cli_options *options, struct look *look, struct target **target);

/* How the look went, as the last line of a text. */
void look_print_end(const struct look *look);

#endif
