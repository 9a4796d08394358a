/* respire COMMAND [OPTIONS] [PID]: find the command in the table, parse, run, report the one error there may be. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"

static void print_usage(FILE *to)
{
    fputs("respire makes the memory of LuaJIT programs visible and lets it breathe.\n\n"
          "Usage: respire COMMAND [OPTIONS] [PID]\n\n", to);
    for (size_t i = 0; i < command_count; i++)
        fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].summary);
    fputs("\n`respire COMMAND --help` shows its options and examples.\n"
          "Exit status: 0 done; 1 failed; 2 wrong usage; 3 the target cannot be read; 4 it is not understood.\n", to);
}

static void print_command_help(const struct command *command)
{
    printf("respire %s: %s\n\nUsage: respire %s [OPTIONS] %s\n\n", command->name, command->summary, command->name,
        command->operands);
    options_print_help(command->options);
    if (command->more_help)
        command->more_help();
    printf("\nExamples:\n%s", command->examples);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < command_count; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static struct error *run_command(const struct command *command, char **arguments)
{
    struct cli_options options = {0};
    struct error *error = options_parse(arguments, command->options, command->operand, &options);
    if (error)
        return error;
    if (options.help) {
        print_command_help(command);
        return NULL;
    }
    return command->run(&options);
}

int main(int count, char **arguments)
{
    if (count < 2) {
        print_usage(stderr);
        return ERROR_USAGE;
    }
    if (strcmp(arguments[1], "--version") == 0) {
        puts("respire " RESPIRE_VERSION);
        return 0;
    }
    if (strcmp(arguments[1], "-h") == 0 || strcmp(arguments[1], "--help") == 0 || strcmp(arguments[1], "help") == 0) {
        print_usage(stdout);
        return 0;
    }
    const struct command *command = find_command(arguments[1]);
    if (!command) {
        fprintf(stderr, "respire: there is no command '%s' (respire --help lists them)\n", arguments[1]);
        return ERROR_USAGE;
    }
    signal(SIGPIPE, SIG_DFL); /* `respire ps | head` ends quietly, whatever the parent ignored */
    struct error *error = run_command(command, arguments + 2);
    fflush(stdout);
    if (!error)
        return 0;
    fprintf(stderr, "respire %s: %s\n", command->name, error_text(error));
    int status = error_kind(error);
    error_free(error);
    return status;
}
