#include "render/shm_text.h"

#include <string.h>

#include "render/text.h"
#include "render/zone_text.h"

enum { NAME_COLUMN_MIN = 16, NAME_COLUMN_MAX = 40, FAILURES_SHOWN = 4 };

static uint64_t configured_bytes(const struct shared_zones *zones)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < zones->count; i++)
        bytes += zones->items[i].size_bytes;
    return bytes;
}

static void print_verdict(const struct shm_report *report)
{
    const struct process *process = report->process;
    const struct shared_zones *zones = &process->zones;
    const struct zone_forecast *forecast = &zones->forecast;
    const char *count = NUMBER_OF(zones->count, "shared zone");
    if (!process->has_residency || !zones->count)
        text_verdict("%d %s: %s, %s by configuration", process->pid, report->name, count,
            SIZE(configured_bytes(zones)));
    else
        text_verdict("%d %s: %s resident, %s (%s) in %s; %s more when they fill", process->pid, report->name,
            SIZE(forecast->rss_bytes), SIZE(forecast->zones_rss_bytes),
            SHARE(forecast->zones_rss_bytes, forecast->rss_bytes), count, SIZE(forecast->rss_grows_by));
}

/* What all zones may still ask for, beside what there is. */
static void print_forecast(const struct zone_forecast *forecast)
{
    uint64_t used = forecast->limit_used_bytes, limit = forecast->limit_bytes;
    if (!forecast->memory_needed) {
        puts("Every page of every zone is in memory already.");
        return;
    }
    if (forecast->fits)
        printf("That fits: pages nobody has touched yet take %s; %s of memory are available.\n",
            SIZE(forecast->memory_needed), SIZE(forecast->available_bytes));
    else
        text_verdict("WARNING: does not fit: pages nobody has touched yet take %s; %s of memory are available.",
            SIZE(forecast->memory_needed), SIZE(forecast->available_bytes));
    if (forecast->has_limit)
        printf("Control group %s has %s left of its %s.\n", NAME(forecast->limit_name),
            SIZE(limit > used ? limit - used : 0), SIZE(limit));
}

/* Which zones have refused allocations: the first question when set() says "no memory". */
static void print_failures(const struct shared_zones *zones)
{
    size_t shown = 0;
    for (size_t i = 0; i < zones->count; i++) {
        uint64_t failures = shared_zone_failures(&zones->items[i]);
        if (!failures || shown++ >= FAILURES_SHOWN)
            continue;
        printf("%s%s %s", shown == 1 ? "No room was found in " : ", ", NAME(zones->items[i].name),
            NUMBER_OF(failures, "time"));
    }
    if (shown > FAILURES_SHOWN)
        printf(", and in %s", NUMBER_OF(shown - FAILURES_SHOWN, "other zone"));
    if (shown)
        puts(", since each was made.");
}

static int name_column(const struct shared_zones *zones)
{
    size_t width = NAME_COLUMN_MIN;
    for (size_t i = 0; i < zones->count; i++) {
        size_t length = strlen(NAME(zones->items[i].name));
        width = length > width ? length : width;
    }
    return width < NAME_COLUMN_MAX ? (int)width : NAME_COLUMN_MAX;
}

static void print_zone(const struct shared_zone *zone, int column)
{
    const struct zone_contents *contents = &zone->contents;
    bool known = zone->has_residency;
    printf("  %-*.*s %8s %8s %8s %8s %10s %8s %7s  %s\n", column, column, NAME(zone->name), SIZE(zone->size_bytes),
        RESIDENT(known, zone->loaded_bytes), RESIDENT(known, shared_zone_unloaded_bytes(zone)),
        RESIDENT(known, zone->own_bytes), contents->is_known ? COUNT(contents->entries) : "-",
        contents->is_known ? COUNT(contents->expired) : "-",
        zone->has_slabs ? COUNT(shared_zone_failures(zone)) : "-",
        zone->kind == ZONE_OTHER ? NAME(zone->module) : zone_kind_name(zone->kind));
}

static void print_zones(const struct shared_zones *zones, bool known)
{
    const int column = name_column(zones);
    uint64_t size_bytes = 0, loaded_bytes = 0, unloaded_bytes = 0, own_bytes = 0;
    if (!zones->count)
        return;
    text_heading("%-*s %8s %8s %8s %8s %10s %8s %7s  %s", column + 2, "Zones", "size", "loaded", "unloaded", "own",
        "entries", "expired", "no room", "kind");
    for (size_t i = 0; i < zones->count; i++) {
        const struct shared_zone *zone = &zones->items[i];
        print_zone(zone, column);
        size_bytes += zone->size_bytes;
        loaded_bytes += zone->loaded_bytes;
        unloaded_bytes += shared_zone_unloaded_bytes(zone);
        own_bytes += zone->own_bytes;
    }
    printf("  %-*s %8s %8s %8s %8s\n", column, "sum", SIZE(size_bytes), RESIDENT(known, loaded_bytes),
        RESIDENT(known, unloaded_bytes), RESIDENT(known, own_bytes));
}

static bool any_failed(const struct shared_zones *zones)
{
    for (size_t i = 0; i < zones->count; i++)
        if (shared_zone_failures(&zones->items[i]))
            return true;
    return false;
}

static void print_remedy(const struct process *process)
{
    const struct shared_zones *zones = &process->zones;
    const struct zone_forecast *forecast = &zones->forecast;
    if (!zones->count)
        return;
    if (process->has_residency && !forecast->fits)
        puts("\nRemedy: make zones smaller in the configuration, or give the machine or its control group more\n"
             "memory, before they fill: the kernel ends a process then.");
    else if (process->has_residency && forecast->rss_grows_by)
        printf("\nA zone takes memory when its pages are first used, and keeps it over a reload. Growth of RSS\n"
            "up to %s is zones that fill, and no leak (docs/ZONES.md).\n",
            SIZE(forecast->rss_bytes + forecast->rss_grows_by));
    printf("\nNext: respire shm ");
    if (process->has_residency)
        printf("%d", process->pid);
    else
        printf("--core FILE");
    printf(" ZONE says what is in a zone%s.\n", any_failed(zones) ? ", and why it finds no room" : "");
}

void shm_text_print(const struct shm_report *report)
{
    const struct process *process = report->process;
    if (report->only) {
        zone_text_print(report);
        return;
    }
    print_verdict(report);
    if (process->has_residency && process->zones.count)
        print_forecast(&process->zones.forecast);
    print_failures(&process->zones);
    print_zones(&process->zones, process->has_residency);
    for (size_t i = 0; i < process->zones.count; i++)
        zone_notes_print(&process->zones.items[i]);
    print_remedy(process);
}
