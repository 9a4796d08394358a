#include "cli/options.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct option_row {
    enum option_bit bit;
    const char *name;  /* without -- */
    char letter;       /* 0: none */
    const char *value; /* what it takes, as shown; NULL: nothing */
    const char *help;
};

static const struct option_row option_rows[] = {
    {OPTION_HELP, "help", 'h', NULL, "this text"},
    {OPTION_JSON, "json", 0, NULL, "one JSON document on standard output"},
    {OPTION_CORE, "core", 0, "FILE", "read a core file instead of a live process"},
    {OPTION_NO_STOP, "no-stop", 0, NULL, "never stop the process: fail when it is too busy to be copied in motion"},
    {OPTION_SET, "set", 'o', "NAME=VALUE", "an option of the runtime (below); may be given several times"},
    {OPTION_LIBRARY, "library", 0, "FILE", "another librespire.so than the one that belongs to this program"},
};

enum { OPTION_ROWS = sizeof(option_rows) / sizeof(option_rows[0]) };

static const struct option_row *find_row(const char *argument, unsigned allowed, const char **inline_value)
{
    *inline_value = NULL;
    for (size_t i = 0; i < OPTION_ROWS; i++) {
        const struct option_row *row = &option_rows[i];
        if (!(row->bit & allowed))
            continue;
        if (row->letter && argument[0] == '-' && argument[1] == row->letter && argument[2] == 0)
            return row;
        size_t length = strlen(row->name);
        if (strncmp(argument, "--", 2) != 0 || strncmp(argument + 2, row->name, length) != 0)
            continue;
        if (argument[2 + length] == 0)
            return row;
        if (argument[2 + length] == '=' && row->value) {
            *inline_value = argument + 3 + length;
            return row;
        }
    }
    return NULL;
}

static struct error *apply(const struct option_row *row, const char *value, struct cli_options *options)
{
    switch (row->bit) {
    case OPTION_HELP:
        options->help = true;
        break;
    case OPTION_JSON:
        options->json = true;
        break;
    case OPTION_NO_STOP:
        options->no_stop = true;
        break;
    case OPTION_CORE:
        options->core_path = value;
        break;
    case OPTION_LIBRARY:
        options->library_path = value;
        break;
    case OPTION_SET:
        if (!strchr(value, '=') || strchr(value, ','))
            return error_new(ERROR_USAGE, "--set takes NAME=VALUE, not '%s'", value);
        if (options->setting_count == SETTINGS_MAX)
            return error_new(ERROR_USAGE, "--set may be given at most %d times", SETTINGS_MAX);
        options->settings[options->setting_count++] = value;
        break;
    }
    return NULL;
}

static struct error *parse_pid(const char *text, struct cli_options *options)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno || *end || end == text || value <= 0 || value > INT_MAX)
        return error_new(ERROR_USAGE, "'%s' is not a process id", text);
    if (options->pid)
        return error_new(ERROR_USAGE, "one process id at a time");
    options->pid = (pid_t)value;
    return NULL;
}

static struct error *parse_option(char ***arguments, unsigned allowed, struct cli_options *options)
{
    const char *value;
    const char *argument = **arguments;
    const struct option_row *row = find_row(argument, allowed, &value);
    if (!row)
        return error_new(ERROR_USAGE, "no option '%s' here (see --help)", argument);
    if (row->value && !value && !(value = *++*arguments))
        return error_new(ERROR_USAGE, "--%s needs %s", row->name, row->value);
    return apply(row, value, options);
}

static struct error *check_operand(const struct cli_options *options, enum operand_kind operand)
{
    if (options->help)
        return NULL;
    if (operand == OPERAND_PID && !options->pid && !options->core_path)
        return error_new(ERROR_USAGE, "which process? give its id, or --core FILE (respire ps lists candidates)");
    if (options->pid && options->core_path)
        return error_new(ERROR_USAGE, "either a process id or --core, not both");
    if (operand == OPERAND_COMMAND && (!options->program || !options->program[0]))
        return error_new(ERROR_USAGE, "which program? respire run [OPTIONS] -- COMMAND [ARGUMENTS]");
    return NULL;
}

struct error *options_parse(char **arguments, unsigned allowed, enum operand_kind operand, struct cli_options *options)
{
    struct error *error = NULL;
    for (; !error && *arguments; arguments++) {
        if (strcmp(*arguments, "--") == 0 && operand == OPERAND_COMMAND) {
            options->program = arguments + 1;
            break;
        }
        if ((*arguments)[0] == '-' && (*arguments)[1]) {
            error = parse_option(&arguments, allowed, options);
        } else if (operand == OPERAND_COMMAND) {
            options->program = arguments;
            break;
        } else if (operand == OPERAND_NONE) {
            error = error_new(ERROR_USAGE, "'%s' is not expected here (see --help)", *arguments);
        } else {
            error = parse_pid(*arguments, options);
        }
    }
    return error ? error : check_operand(options, operand);
}

void options_print_help(unsigned allowed)
{
    for (size_t i = 0; i < OPTION_ROWS; i++) {
        const struct option_row *row = &option_rows[i];
        if (!(row->bit & allowed))
            continue;
        char left[40];
        snprintf(left, sizeof(left), "%c%c%s--%s%s%s", row->letter ? '-' : ' ', row->letter ? row->letter : ' ',
            row->letter ? ", " : "  ", row->name, row->value ? " " : "", row->value ? row->value : "");
        printf("  %-26s %s\n", left, row->help);
    }
}
