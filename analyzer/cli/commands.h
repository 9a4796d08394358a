/* The commands, one table. Each has a file command_NAME.c with one function. */
#ifndef RESPIRE_CLI_COMMANDS_H
#define RESPIRE_CLI_COMMANDS_H

#include "cli/options.h"

struct command {
    const char *name;
    const char *operands; /* as shown in help */
    const char *summary;  /* what it answers, one line */
    const char *examples; /* lines of --help */
    unsigned options;
    enum operand_kind operand;
    struct error *(*run)(const struct cli_options *options);
    void (*more_help)(void); /* NULL: nothing more */
};

extern const struct command commands[];
extern const size_t command_count;

struct error *command_ps(const struct cli_options *options);
struct error *command_mem(const struct cli_options *options);
struct error *command_lua(const struct cli_options *options);
struct error *command_heap(const struct cli_options *options);
struct error *command_pools(const struct cli_options *options);
struct error *command_shm(const struct cli_options *options);
struct error *command_run(const struct cli_options *options);
struct error *command_snapshot(const struct cli_options *options);
struct error *command_diff(const struct cli_options *options);
struct error *command_doctor(const struct cli_options *options);

void command_run_more_help(void);

#endif
