#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/runtime_library.h"
#include "option_values.h"
#include "options_table.h"

enum { ENVIRONMENT_VALUE_MAX = 8192 };

/* NAME=value with `added` behind what the environment has already, so that neither gets lost. */
static struct error *append_environment(const char *name, const char *added, char separator)
{
    const char *old = getenv(name);
    char value[ENVIRONMENT_VALUE_MAX];
    int length = old && *old ? snprintf(value, sizeof(value), "%s%c%s", old, separator, added)
                             : snprintf(value, sizeof(value), "%s", added);
    if (length >= (int)sizeof(value))
        return error_new(ERROR_FAILED, "the environment variable %s would be too long", name);
    if (setenv(name, value, 1))
        return error_errno(ERROR_FAILED, errno, "cannot set the environment variable %s", name);
    return NULL;
}

static const struct runtime_option {
    const char *name;
    enum option_kind kind;
    uint64_t minimum, maximum;
    const char *fallback, *description;
} runtime_options[] = {
#define OPTION_ROW(name, kind, minimum, maximum, fallback, description) \
    {#name, kind, minimum, maximum, fallback, description},
    RESPIRE_OPTIONS_TABLE(OPTION_ROW)
#undef OPTION_ROW
};

enum { RUNTIME_OPTIONS = sizeof(runtime_options) / sizeof(runtime_options[0]) };

/* The runtime would only warn and keep its default, behind all that the program prints. */
static struct error *check_setting(const char *setting)
{
    size_t length = strcspn(setting, "=");
    const char *value = setting[length] ? setting + length + 1 : "";
    for (size_t i = 0; i < RUNTIME_OPTIONS; i++) {
        const struct runtime_option *option = &runtime_options[i];
        if (strlen(option->name) != length || strncmp(option->name, setting, length) != 0)
            continue;
        uint64_t number;
        char values[64];
        option_describe(option->kind, option->minimum, option->maximum, values, sizeof(values));
        if (!option_accepts(option->kind, option->minimum, option->maximum, value, &number))
            return error_new(ERROR_USAGE, "%s must be %s, not \"%s\"", option->name, values, value);
        return NULL;
    }
    return error_new(ERROR_USAGE, "the runtime has no option '%.*s' (see --help)", (int)length, setting);
}

struct error *command_run(const struct cli_options *options)
{
    char library[PATH_MAX];
    struct error *error = runtime_library_find(options->library_path, library);
    for (size_t i = 0; i < options->setting_count && !error; i++)
        error = check_setting(options->settings[i]);
    if (!error)
        error = append_environment("LD_PRELOAD", library, ':');
    for (size_t i = 0; i < options->setting_count && !error; i++)
        error = append_environment("RESPIRE_OPTIONS", options->settings[i], ',');
    if (error)
        return error;
    execvp(options->program[0], options->program);
    return error_errno(ERROR_FAILED, errno, "cannot start %s", options->program[0]);
}

void command_run_more_help(void)
{
    puts("\nOptions of the runtime (--set, or RESPIRE_OPTIONS=\"NAME=VALUE,...\" in the environment):");
    for (size_t i = 0; i < RUNTIME_OPTIONS; i++) {
        const struct runtime_option *option = &runtime_options[i];
        char values[64];
        option_describe(option->kind, option->minimum, option->maximum, values, sizeof(values));
        printf("  %-23s %s\n  %-23s   (%s; default %s)\n", option->name, option->description, "", values,
            option->fallback);
    }
}
