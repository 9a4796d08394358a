#include "render/memory_text.h"

#include <string.h>

#include "base/size.h"
#include "render/report_end.h"
#include "render/text.h"

static uint64_t owner_resident(const struct memory_map *map, const char *name)
{
    for (size_t i = 0; i < map->owner_count; i++)
        if (strcmp(map->owners[i].name, name) == 0)
            return map->owners[i].resident_bytes;
    return 0;
}

static uint64_t owners_resident(const struct memory_map *map, const char *prefix)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < map->owner_count; i++)
        if (strncmp(map->owners[i].name, prefix, strlen(prefix)) == 0)
            bytes += map->owners[i].resident_bytes;
    return bytes;
}

static void print_verdict(const struct process *process, const char *name)
{
    const struct memory_map *map = &process->map;
    if (!process->has_residency) {
        text_verdict("%d %s: a core file of %s mapped memory", process->pid, name, SIZE(map->vsz_bytes));
        return;
    }
    uint64_t stock_free = owner_resident(map, "luajit.free");
    if (stock_free > map->rss_bytes / 4)
        text_verdict("%d %s: %s resident, of which %s (%s) is free memory that LuaJIT's allocator does not give back",
            process->pid, name, SIZE(map->rss_bytes), SIZE(stock_free), SHARE(stock_free, map->rss_bytes));
    else if (map->owner_count)
        text_verdict("%d %s: %s resident; the largest owner is %s with %s (%s)", process->pid, name,
            SIZE(map->rss_bytes), map->owners[0].name, SIZE(map->owners[0].resident_bytes),
            SHARE(map->owners[0].resident_bytes, map->rss_bytes));
}

static void print_system(const struct memory_map *map, bool known)
{
    text_heading("%-30s %10s %10s %10s %10s", "The system's view", "virtual", "resident", "pss", "swap");
    for (unsigned i = 0; i < SYSTEM_KINDS; i++) {
        const struct system_row *row = &map->system[i];
        if (row->virtual_bytes)
            printf("  %-28s %10s %10s %10s %10s\n", row->name, SIZE(row->virtual_bytes),
                RESIDENT(known, row->resident_bytes), RESIDENT(known, row->pss_bytes),
                RESIDENT(known, row->swap_bytes));
    }
    printf("  %-28s %10s %10s %10s %10s\n", "sum", SIZE(map->vsz_bytes), RESIDENT(known, map->rss_bytes),
        RESIDENT(known, map->pss_bytes), RESIDENT(known, map->swap_bytes));
}

static void print_owners(const struct memory_map *map, bool known)
{
    text_heading("%-30s %10s %10s %10s %10s", "Who owns it", "virtual", "resident", "private", "share");
    for (size_t i = 0; i < map->owner_count; i++) {
        const struct owner *owner = &map->owners[i];
        printf("  %-28s %10s %10s %10s %10s\n", owner->name, SIZE(owner->virtual_bytes),
            RESIDENT(known, owner->resident_bytes), RESIDENT(known, owner->anonymous_bytes),
            known ? SHARE(owner->resident_bytes, map->rss_bytes) : "-");
    }
}

/* What others' allocators have is known as a whole; nobody should look for more in `respire heap`. */
static void print_allocators(const struct memory_map *map)
{
    for (unsigned i = 0; i < ALLOCATORS; i++) {
        char owner[OWNER_NAME_MAX];
        snprintf(owner, sizeof(owner), "other.%s", allocator_name(i));
        if (owner_resident(map, owner))
            printf("\n%s has %s; what is used and free inside it is not known.\n", allocator_name(i),
                SIZE(owner_resident(map, owner)));
    }
}

/* Whoever has a quarter of the whole is worth the next look. */
static void print_next_command(const struct process *process)
{
    const struct memory_map *map = &process->map;
    uint64_t pools = owners_resident(map, "nginx.pools."), others = owners_resident(map, "glibc.");
    uint64_t zones = owners_resident(map, "nginx.shm."), most = size_max(zones, size_max(pools, others));
    if (most <= map->rss_bytes / 4)
        return;
    if (most == zones)
        printf("\nNext: respire shm %d says what the %s of shared zones are, and how far they still grow.\n",
            process->pid, SIZE(zones));
    else if (most == pools)
        printf("\nNext: respire pools %d says whose pools the %s are.\n", process->pid, SIZE(pools));
    else
        printf("\nNext: respire heap %d says what the %s of malloc are.\n", process->pid, SIZE(others));
}

static void print_remedy(const struct process *process)
{
    const struct memory_map *map = &process->map;
    const struct lua_state *damaged = process_damaged_state(process);
    if (damaged)
        printf("\nLua's memory is in unknown, because it was not understood: %s\n", error_text(damaged->damage));
    if (process->has_malloc && process->malloc.damage)
        printf("\nmalloc's memory is in unknown, because it was not understood: %s\n",
            error_text(process->malloc.damage));
    if (process->has_pools && process->pools.damage)
        printf("\nnginx's pools are in glibc.used, because they were not understood: %s\n",
            error_text(process->pools.damage));
    print_allocators(map);
    if (!process->has_residency)
        return;
    print_next_command(process);
    runtime_remedy_print(owner_resident(map, "luajit.free"), map->rss_bytes);
}

void memory_text_print(const struct process *process, const char *name)
{
    print_verdict(process, name);
    print_system(&process->map, process->has_residency);
    print_owners(&process->map, process->has_residency);
    text_checks(&process->map.checks);
    print_remedy(process);
}
