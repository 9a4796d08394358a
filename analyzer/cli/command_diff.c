#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "analyze/growth.h"
#include "cli/commands.h"
#include "cli/look.h"
#include "render/growth_report.h"

/* One of the two, looked at, with what the report calls it. */
struct side {
    struct moment moment;
    char name[PROCESS_NAME_BYTES];
    const char *path; /* NULL: a process */
};

/* All digits: a process id. A file of such a name is ./1234. */
static bool is_process_id(const char *text)
{
    return *text && strspn(text, "0123456789") == strlen(text);
}

/* The process and its graphs are given back before the other side is looked at. */
static struct error *look_at(const struct cli_options *options, const char *operand, struct side *side)
{
    struct cli_options of_side = {.no_stop = options->no_stop};
    struct look look;
    struct error *error = NULL;
    if (is_process_id(operand))
        error = options_parse_pid(operand, &of_side);
    else
        of_side.snapshot_path = side->path = operand;
    if (!error)
        error = look_take(&of_side, (struct examine_options){.want_map = true, .want_graph = true}, &look);
    if (error)
        return error;
    error = moment_make(&look.process, &side->moment);
    side->moment.taken_ns = look.taken_ns;
    memcpy(side->name, look.name, sizeof(side->name));
    process_release(&look.process);
    return error;
}

/* Sleep until so long after the first look began. */
static void wait_since(uint64_t taken_ns, unsigned seconds)
{
    uint64_t until_ns = taken_ns + (uint64_t)seconds * 1000000000;
    struct timespec until = {(time_t)(until_ns / 1000000000), (long)(until_ns % 1000000000)};
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "looked once; the second look comes %u s after the first ...\n", seconds);
    while (clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL) != 0)
        continue;
}

static struct error *report(const struct cli_options *options, const struct side *before, const struct side *after)
{
    struct growth growth;
    struct error *error = growth_find(&before->moment, &after->moment, &growth);
    if (error)
        return error;
    const struct growth_report made = {
        .before = {&before->moment, before->name, before->path},
        .after = {&after->moment, after->name, after->path},
        .growth = &growth,
        .top = options_rows(options),
    };
    error = checks_error(&growth.checks);
    if (!error && options->json)
        error = growth_json_print(&made);
    else if (!error)
        growth_text_print(&made);
    growth_free(&growth);
    return error;
}

struct error *command_diff(const struct cli_options *options)
{
    struct side before = {0}, after = {0};
    const char *second = options->seconds ? options->words[0] : options->words[1];
    if (options->seconds && !is_process_id(second))
        return error_new(ERROR_USAGE, "--seconds goes with one process id, and '%s' is none", second);
    struct error *error = look_at(options, options->words[0], &before);
    if (!error && options->seconds)
        wait_since(before.moment.taken_ns, options->seconds);
    if (!error)
        error = look_at(options, second, &after);
    if (!error)
        error = report(options, &before, &after);
    moment_free(&before.moment);
    moment_free(&after.moment);
    return error;
}
