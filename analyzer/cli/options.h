/* The options of all commands, one table: parsing, --help and the man page follow it. */
#ifndef RESPIRE_CLI_OPTIONS_H
#define RESPIRE_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

enum option_bit {
    OPTION_HELP = 1 << 0,
    OPTION_JSON = 1 << 1,
    OPTION_CORE = 1 << 2,
    OPTION_NO_STOP = 1 << 3,
    OPTION_SET = 1 << 4,
    OPTION_LIBRARY = 1 << 5,
};

/* What a command can take besides options. */
enum operand_kind {
    OPERAND_NONE,
    OPERAND_PID,          /* one process id, or --core */
    OPERAND_PID_OPTIONAL,
    OPERAND_COMMAND,      /* a program and its arguments, behind -- */
};

enum { SETTINGS_MAX = 32 };

struct cli_options {
    bool help, json, no_stop;
    const char *core_path;
    const char *library_path;
    const char *settings[SETTINGS_MAX]; /* NAME=VALUE, in the order given */
    size_t setting_count;
    pid_t pid;                          /* 0: none given */
    char **program;                     /* OPERAND_COMMAND: NULL-terminated */
};

/* Parse what follows the command's name. `allowed`: the option_bits that this command has. ERROR_USAGE. */
struct error *options_parse(char **arguments, unsigned allowed, enum operand_kind operand, struct cli_options *options);

/* The lines of --help for these options. */
void options_print_help(unsigned allowed);

#endif
