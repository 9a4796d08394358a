#include "cli/look.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "target/target.h"

enum { PROGRESS_FROM_BYTES = 512 << 20 };

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

static void say_progress(pid_t pid)
{
    uint64_t bytes = resident_estimate(pid);
    if (bytes >= PROGRESS_FROM_BYTES && isatty(STDERR_FILENO))
        fprintf(stderr, "reading %.1f GiB of process %d ...\n", (double)bytes / (1 << 30), pid);
}

static void name_core(const char *path, char name[PROCESS_NAME_BYTES])
{
    const char *slash = strrchr(path, '/');
    snprintf(name, PROCESS_NAME_BYTES, "(%.*s)", PROCESS_NAME_BYTES - 4, slash ? slash + 1 : path);
}

struct error *look_take(const struct cli_options *options, bool want_map, struct look *look)
{
    CLEANUP(target_close_cleanup) struct target *target = NULL;
    struct error *error = options->core_path ? target_open_core(options->core_path, &target)
                                             : target_open_process(options->pid, &target);
    if (error)
        return error;
    *look = (struct look){.is_core = options->core_path != NULL};
    if (look->is_core) {
        name_core(options->core_path, look->name);
    } else {
        process_name(options->pid, look->name, sizeof(look->name));
        say_progress(options->pid);
    }
    struct examine_options examine_options = {.want_map = want_map, .never_stop = options->no_stop};
    return examine(target, &examine_options, &look->process);
}
