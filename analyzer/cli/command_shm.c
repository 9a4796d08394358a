#include <string.h>

#include "analyze/zones_look.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/size.h"
#include "cli/commands.h"
#include "cli/look.h"
#include "render/shm_json.h"
#include "render/shm_text.h"
#include "render/text.h"

enum { NAMES_BYTES = 512 };

/* No copy of the target's memory is needed, and no stop. */
static struct error *look_at_target(const struct cli_options *options, struct look *look)
{
    CLEANUP(target_close_cleanup) struct target *target = NULL;
    const struct zones_options wanted = {
        .only = options->zone,
        .show_strings = options->show_strings,
        .largest_count = options_rows(options),
    };
    struct error *error = look_open(options, look, &target);
    if (error)
        return error;
    struct process *process = &look->process;
    double start_ms = clock_now_ms();
    error = zones_look(target, &wanted, &process->has_zones, &process->zones);
    if (error)
        return error;
    process->pid = target_pid(target);
    process->has_residency = target_kind(target) == TARGET_LIVE_PROCESS;
    process->walk_ms = clock_now_ms() - start_ms;
    for (size_t i = 0; i < process->zones.count; i++)
        process->attempts = (unsigned)size_max(process->attempts, process->zones.items[i].attempts);
    return NULL;
}

static struct error *nothing_to_show(const struct look *look)
{
    if (look->process.has_zones)
        return NULL;
    return error_new(ERROR_NOT_UNDERSTOOD,
        "process %d %s: no nginx, or none of a known layout: it has no cycle, and so no list of shared zones",
        look->process.pid, look->name);
}

/* Names of all zones, as far as there is room. */
static struct error *no_such_zone(const struct cli_options *options, const struct look *look)
{
    const struct shared_zones *zones = &look->process.zones;
    char names[NAMES_BYTES] = "";
    for (size_t i = 0; i < zones->count; i++) {
        const char *name = NAME(zones->items[i].name);
        size_t length = strlen(names);
        if (length + strlen(name) + sizeof(", ...") >= sizeof(names)) {
            strcat(names, ", ...");
            break;
        }
        snprintf(names + length, sizeof(names) - length, "%s%s", length ? ", " : "", name);
    }
    return error_new(ERROR_USAGE, "process %d %s has no shared zone '%s'%s%s", look->process.pid, look->name,
        NAME(options->zone), zones->count ? ": it has " : ": it has none", names);
}

static struct error *find_zone(const struct cli_options *options, const struct look *look,
    const struct shared_zone **zone)
{
    const struct shared_zones *zones = &look->process.zones;
    *zone = NULL;
    for (size_t i = 0; i < zones->count && options->zone; i++)
        if (strcmp(zones->items[i].name, options->zone) == 0)
            *zone = &zones->items[i];
    return options->zone && !*zone ? no_such_zone(options, look) : NULL;
}

static struct error *report_zones(const struct cli_options *options, const struct look *look)
{
    struct shm_report report = {
        .process = &look->process,
        .name = look->name,
        .show_strings = options->show_strings,
        .top = options_rows(options),
    };
    struct error *error = find_zone(options, look, &report.only);
    if (error)
        return error;
    if (options->json)
        return json_print(json_shm(&report));
    shm_text_print(&report);
    look_print_end(look);
    return NULL;
}

/* What was understood is shown first. */
static struct error *some_not_understood(const struct cli_options *options, const struct look *look)
{
    const struct shared_zones *zones = &look->process.zones;
    for (size_t i = 0; i < zones->count; i++) {
        const struct shared_zone *zone = &zones->items[i];
        if (zone->damage && (!options->zone || strcmp(zone->name, options->zone) == 0))
            return error_new(ERROR_NOT_UNDERSTOOD, "process %d %s: its shared zone %s was not understood: %s",
                look->process.pid, look->name, NAME(zone->name), error_text(zone->damage));
    }
    return NULL;
}

struct error *command_shm(const struct cli_options *options)
{
    struct look look;
    const struct examine_options zones = {.want_zones = true};
    struct error *error = options->snapshot_path ? look_take(options, zones, &look) : look_at_target(options, &look);
    if (error)
        return error;
    error = nothing_to_show(&look);
    if (!error)
        error = report_zones(options, &look);
    if (!error)
        error = some_not_understood(options, &look);
    process_release(&look.process);
    return error;
}
