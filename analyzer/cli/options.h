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
    OPTION_SNAPSHOT = 1 << 6,
    OPTION_TOP = 1 << 7,
    OPTION_REFS = 1 << 8,
    OPTION_GARBAGE = 1 << 9,
    OPTION_STRINGS = 1 << 10,
    OPTION_SHOW_STRINGS = 1 << 11,
    OPTION_OBJECTS = 1 << 12,
    OPTION_PINS = 1 << 13,
    OPTION_OUTPUT = 1 << 14,
    OPTION_SECONDS = 1 << 15,
    OPTION_SYSROOT = 1 << 16,
    OPTION_LIST = 1 << 17,
};

/* How --refs prints. */
enum refs_format {
    REFS_NONE, /* not asked for */
    REFS_TEXT,
    REFS_FOLDED,
    REFS_SVG,
};

/* What a command can take besides options. */
enum operand_kind {
    OPERAND_NONE,
    OPERAND_PID,          /* one process id, or --core, or --snapshot */
    OPERAND_PID_AND_ZONE, /* the same, and perhaps a zone's name */
    OPERAND_PID_OPTIONAL,
    OPERAND_COMMAND,      /* a program and its arguments, behind -- */
    OPERAND_MOMENTS,      /* two of process ids and snapshots, or one process id and --seconds */
};

enum { SETTINGS_MAX = 32, TOP_MAX = 100000, SECONDS_MAX = 7 * 24 * 3600 };

struct cli_options {
    bool help, json, no_stop;
    bool garbage, strings, show_strings, objects, pins, list;
    enum refs_format refs;
    unsigned top;                       /* rows of each list, 1 to TOP_MAX; 0: not given */
    const char *core_path;
    const char *sysroot;                /* where the programs and libraries of the core's machine are; NULL: here */
    const char *snapshot_path;
    const char *output_path;
    unsigned seconds;                   /* 1 to SECONDS_MAX; 0: not given */
    const char *words[2];               /* operands as given; OPERAND_MOMENTS: process ids or paths of snapshots */
    size_t word_count;
    const char *zone;                   /* OPERAND_PID_AND_ZONE: NULL when none was given */
    const char *library_path;
    const char *settings[SETTINGS_MAX]; /* NAME=VALUE, in the order given */
    size_t setting_count;
    pid_t pid;                          /* 0: none given */
    char **program;                     /* OPERAND_COMMAND: NULL-terminated */
};

/* Parse what follows the command's name. `allowed`: the option_bits that this command has. ERROR_USAGE. */
struct error *options_parse(char **arguments, unsigned allowed, enum operand_kind operand, struct cli_options *options);

/* A process id among the operands. ERROR_USAGE. */
struct error *options_parse_pid(const char *text, struct cli_options *options);

/* Rows of each list: what --top says, or else few to read and many to process. */
size_t options_rows(const struct cli_options *options);

/* The lines of --help for these options. */
void options_print_help(unsigned allowed);

#endif
