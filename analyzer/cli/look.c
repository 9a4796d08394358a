#include "cli/look.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "render/report_end.h"
#include "snapshot/snapshot.h"
#include "target/target.h"

/* What takes about a second. The graph of the objects takes several times as long as a look at the heap. */
enum { PROGRESS_FROM_BYTES = 512 << 20, PROGRESS_FROM_BYTES_WITH_GRAPH = 128 << 20 };

/* Resident bytes by statm: cheap, and good enough to decide whether a word about progress is due. */
static uint64_t resident_estimate(pid_t pid)
{
    char path[64];
    unsigned long pages = 0;
    snprintf(path, sizeof(path), "/proc/%d/statm", pid);
    CLEANUP(cleanup_fclose) FILE *file = fopen(path, "re");
    if (!file || fscanf(file, "%*u %lu", &pages) != 1)
        return 0;
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t file_bytes(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? (uint64_t)status.st_size : 0;
}

static void say_progress(const struct cli_options *options, bool want_graph)
{
    uint64_t bytes = options->core_path ? file_bytes(options->core_path) : resident_estimate(options->pid);
    if (bytes < (want_graph ? PROGRESS_FROM_BYTES_WITH_GRAPH : PROGRESS_FROM_BYTES) || !isatty(STDERR_FILENO))
        return;
    if (options->core_path)
        fprintf(stderr, "reading %.1f GiB of %s ...\n", (double)bytes / (1 << 30), options->core_path);
    else
        fprintf(stderr, "reading %.1f GiB of process %d ...\n", (double)bytes / (1 << 30), options->pid);
}

static void name_file(const char *path, char name[PROCESS_NAME_BYTES])
{
    const char *slash = strrchr(path, '/');
    snprintf(name, PROCESS_NAME_BYTES, "(%.*s)", PROCESS_NAME_BYTES - 4, slash ? slash + 1 : path);
}

static uint64_t since_1970_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Contents of strings are in a snapshot or are not: what is asked of it must be what it has. */
static struct error *check_strings(const struct cli_options *options, const struct snapshot_about *about)
{
    if (options->show_strings == about->shows_strings || !(options->strings || options->show_strings))
        return NULL;
    return error_new(ERROR_USAGE, about->shows_strings
        ? "this snapshot holds contents of strings: add --show-strings to see them"
        : "this snapshot was taken without --show-strings: it has no contents of strings");
}

static struct error *look_into_snapshot(const struct cli_options *options, const struct examine_options *wanted,
    struct look *look)
{
    struct snapshot_about about;
    struct error *error = snapshot_read(options->snapshot_path, wanted->want_graph, &about, &look->process);
    if (error)
        return error;
    look->is_snapshot = true;
    look->is_core = about.is_core;
    look->taken_ns = about.taken_ns;
    snprintf(look->name, sizeof(look->name), "%s", about.name);
    error = check_strings(options, &about);
    if (!error && wanted->want_map && !look->process.has_map)
        error = error_new(ERROR_NOT_UNDERSTOOD, "the snapshot %s has no memory map", options->snapshot_path);
    if (!error && wanted->want_heap && !look->process.has_malloc)
        error = error_new(ERROR_NOT_UNDERSTOOD, "the snapshot %s does not tell of malloc", options->snapshot_path);
    if (!error && wanted->want_zones && !look->process.has_zones)
        error = error_new(ERROR_NOT_UNDERSTOOD, "the snapshot %s tells of no shared zones: there were none to be read",
            options->snapshot_path);
    if (error)
        process_release(&look->process);
    return error;
}

void look_print_end(const struct look *look)
{
    look_text_print(&look->process, look->is_core);
    if (look->is_snapshot)
        snapshot_text_print(look->taken_ns);
}

struct error *look_open(const struct cli_options *options, struct look *look, struct target **target)
{
    *look = (struct look){.is_core = options->core_path != NULL, .taken_ns = since_1970_ns()};
    struct error *error = options->core_path ? target_open_core(options->core_path, options->sysroot, target)
                                             : target_open_process(options->pid, target);
    if (error)
        return error;
    if (look->is_core)
        name_file(options->core_path, look->name);
    else
        process_name(options->pid, look->name, sizeof(look->name));
    return NULL;
}

struct error *look_take(const struct cli_options *options, struct examine_options wanted, struct look *look)
{
    CLEANUP(target_close_cleanup) struct target *target = NULL;
    if (options->snapshot_path) {
        *look = (struct look){0};
        return look_into_snapshot(options, &wanted, look);
    }
    struct error *error = look_open(options, look, &target);
    if (error)
        return error;
    say_progress(options, wanted.want_graph);
    wanted.never_stop = options->no_stop;
    return examine(target, &wanted, &look->process);
}
