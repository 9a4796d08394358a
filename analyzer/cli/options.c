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
    const char *value; /* what it takes, as shown; NULL: nothing; "[=...]": may be left out, or stands behind "=" */
    const char *help;
};

static const struct option_row option_rows[] = {
    {OPTION_HELP, "help", 'h', NULL, "this text"},
    {OPTION_JSON, "json", 0, NULL, "one JSON document on standard output"},
    {OPTION_CORE, "core", 0, "FILE", "read a core file instead of a live process"},
    {OPTION_SYSROOT, "sysroot", 0, "DIR", "with --core: where copies of its programs and libraries are"},
    {OPTION_SNAPSHOT, "snapshot", 0, "FILE", "read a snapshot instead of a live process"},
    {OPTION_REFS, "refs", 0, "[=FORMAT]", "what is reachable, by path: text (a tree), folded or svg (flame graphs)"},
    {OPTION_GARBAGE, "garbage", 0, NULL, "what a full collection would free now, by type and by who made the closures"},
    {OPTION_STRINGS, "strings", 0, NULL, "near duplicates among the strings, their sizes, load of the string table"},
    {OPTION_SHOW_STRINGS, "show-strings", 0, NULL, "show or keep contents of strings, which may be secrets"},
    {OPTION_OBJECTS, "objects", 0, NULL, "cdata and userdata by type, code by file, coroutines by line"},
    {OPTION_PINS, "pins", 0, NULL, "which objects keep pages resident that are free but for them"},
    {OPTION_LIST, "list", 0, NULL, "each pool, unowned ones first, then by size; with --top N the first N"},
    {OPTION_TOP, "top", 0, "N", "rows of each list (10; with --json 100)"},
    {OPTION_OUTPUT, "output", 'o', "FILE", "the file to write, readable for you alone; replaced when it is there"},
    {OPTION_SECONDS, "seconds", 0, "N", "compare a process with itself N seconds later"},
    {OPTION_NO_STOP, "no-stop", 0, NULL, "never stop the process: fail when it is too busy to be copied in motion"},
    {OPTION_SET, "set", 'o', "NAME=VALUE", "an option of the runtime (below); may be given several times"},
    {OPTION_LIBRARY, "library", 0, "FILE", "another librespire.so than the one that belongs to this program"},
};

enum { TOP_IN_TEXT = 10, TOP_IN_JSON = 100 }; /* as --help says */

enum { OPTION_ROWS = sizeof(option_rows) / sizeof(option_rows[0]) };

static bool value_may_be_left_out(const struct option_row *row)
{
    return row->value && row->value[0] == '[';
}

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

static struct error *parse_refs(const char *value, struct cli_options *options)
{
    static const struct {
        const char *name;
        enum refs_format format;
    } formats[] = {{"text", REFS_TEXT}, {"folded", REFS_FOLDED}, {"svg", REFS_SVG}};
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (value && strcmp(value, formats[i].name) != 0)
            continue;
        options->refs = formats[i].format;
        return NULL;
    }
    return error_new(ERROR_USAGE, "--refs prints text, folded or svg, not '%s'", value);
}

static struct error *parse_number(const char *name, const char *value, unsigned limit, unsigned *number)
{
    char *end;
    errno = 0;
    long parsed = strtol(value, &end, 10);
    if (errno || *end || end == value || parsed < 1 || parsed > limit)
        return error_new(ERROR_USAGE, "--%s takes a number from 1 to %u, not '%s'", name, limit, value);
    *number = (unsigned)parsed;
    return NULL;
}

static struct error *add_setting(const char *value, struct cli_options *options)
{
    if (!strchr(value, '=') || strchr(value, ','))
        return error_new(ERROR_USAGE, "--set takes NAME=VALUE, not '%s'", value);
    if (options->setting_count == SETTINGS_MAX)
        return error_new(ERROR_USAGE, "--set may be given at most %d times", SETTINGS_MAX);
    options->settings[options->setting_count++] = value;
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
    case OPTION_SYSROOT:
        options->sysroot = value;
        break;
    case OPTION_LIBRARY:
        options->library_path = value;
        break;
    case OPTION_SNAPSHOT:
        options->snapshot_path = value;
        break;
    case OPTION_GARBAGE:
        options->garbage = true;
        break;
    case OPTION_STRINGS:
        options->strings = true;
        break;
    case OPTION_SHOW_STRINGS:
        options->show_strings = true;
        break;
    case OPTION_OBJECTS:
        options->objects = true;
        break;
    case OPTION_PINS:
        options->pins = true;
        break;
    case OPTION_LIST:
        options->list = true;
        break;
    case OPTION_REFS:
        return parse_refs(value, options);
    case OPTION_TOP:
        return parse_number("top", value, TOP_MAX, &options->top);
    case OPTION_SECONDS:
        return parse_number("seconds", value, SECONDS_MAX, &options->seconds);
    case OPTION_OUTPUT:
        options->output_path = value;
        break;
    case OPTION_SET:
        return add_setting(value, options);
    }
    return NULL;
}

struct error *options_parse_pid(const char *text, struct cli_options *options)
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

static struct error *add_word(const char *text, enum operand_kind operand, struct cli_options *options)
{
    if (options->word_count == sizeof(options->words) / sizeof(options->words[0]))
        return error_new(ERROR_USAGE, "'%s' is one too many: %s", text,
            operand == OPERAND_MOMENTS ? "two moments at a time" : "one process id and one zone at a time");
    options->words[options->word_count++] = text;
    return NULL;
}

/* Two moments, or one process that is looked at twice. */
static struct error *check_moments(const struct cli_options *options)
{
    if (options->word_count == 2 && options->seconds)
        return error_new(ERROR_USAGE, "--seconds goes with one process id");
    if (options->word_count == 2 || (options->word_count == 1 && options->seconds))
        return NULL;
    return error_new(ERROR_USAGE,
        "which two? give snapshot files or process ids, or one process id and --seconds N");
}

static struct error *parse_option(char ***arguments, unsigned allowed, struct cli_options *options)
{
    const char *value;
    const char *argument = **arguments;
    const struct option_row *row = find_row(argument, allowed, &value);
    if (!row)
        return error_new(ERROR_USAGE, "no option '%s' here (see --help)", argument);
    if (row->value && !value && !value_may_be_left_out(row) && !(value = *++*arguments))
        return error_new(ERROR_USAGE, "--%s needs %s", row->name, row->value);
    return apply(row, value, options);
}

/* What prints one format alone, and what means nothing without another option. */
static struct error *check_together(const struct cli_options *options, unsigned allowed)
{
    bool is_picture = options->refs == REFS_FOLDED || options->refs == REFS_SVG;
    if (is_picture && (options->json || options->garbage || options->strings || options->objects || options->pins))
        return error_new(ERROR_USAGE, "--refs=folded and --refs=svg print that alone: no --json, no other list");
    if (options->sysroot && !options->core_path)
        return error_new(ERROR_USAGE, "--sysroot goes with --core");
    if (options->show_strings && !options->strings && (allowed & OPTION_STRINGS))
        return error_new(ERROR_USAGE, "--show-strings goes with --strings");
    return NULL;
}

/* Behind a process id, or alone beside a file, stands the name of a zone. */
static struct error *take_zone(struct cli_options *options)
{
    bool is_file = options->core_path || options->snapshot_path;
    if (is_file && options->word_count == 2)
        return error_new(ERROR_USAGE, "either a process id, or --core, or --snapshot: not both");
    if (options->word_count == 2 || (is_file && options->word_count))
        options->zone = options->words[options->word_count - 1];
    return !is_file && options->word_count ? options_parse_pid(options->words[0], options) : NULL;
}

static struct error *check_operand(const struct cli_options *options, enum operand_kind operand)
{
    int given = (options->pid != 0) + (options->core_path != NULL) + (options->snapshot_path != NULL);
    if ((operand == OPERAND_PID || operand == OPERAND_PID_AND_ZONE) && given == 0)
        return error_new(ERROR_USAGE,
            "which process? give its id, --core FILE or --snapshot FILE (respire ps lists candidates)");
    if (given > 1)
        return error_new(ERROR_USAGE, "either a process id, or --core, or --snapshot: not both");
    if (operand == OPERAND_MOMENTS)
        return check_moments(options);
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
        } else if (operand == OPERAND_MOMENTS || operand == OPERAND_PID_AND_ZONE) {
            error = add_word(*arguments, operand, options);
        } else {
            error = options_parse_pid(*arguments, options);
        }
    }
    if (error || options->help)
        return error;
    if (operand == OPERAND_PID_AND_ZONE)
        error = take_zone(options);
    if (!error)
        error = check_operand(options, operand);
    return error ? error : check_together(options, allowed);
}

size_t options_rows(const struct cli_options *options)
{
    return options->top ? options->top : options->json ? TOP_IN_JSON : TOP_IN_TEXT;
}

void options_print_help(unsigned allowed)
{
    for (size_t i = 0; i < OPTION_ROWS; i++) {
        const struct option_row *row = &option_rows[i];
        if (!(row->bit & allowed))
            continue;
        char left[40];
        const char *gap = row->value && !value_may_be_left_out(row) ? " " : "";
        snprintf(left, sizeof(left), "%c%c%s--%s%s%s", row->letter ? '-' : ' ', row->letter ? row->letter : ' ',
            row->letter ? ", " : "  ", row->name, gap, row->value ? row->value : "");
        printf("  %-26s %s\n", left, row->help);
    }
}
