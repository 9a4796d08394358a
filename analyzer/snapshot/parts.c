#include "snapshot/parts.h"

#include "snapshot/format.h"

static bool always(const struct snapshot_subject *subject)
{
    (void)subject;
    return true;
}

static bool when_mapped(const struct snapshot_subject *subject)
{
    return subject->process->has_map;
}

static bool when_malloc_was_looked_at(const struct snapshot_subject *subject)
{
    return subject->process->has_malloc;
}

static bool when_pools_were_looked_at(const struct snapshot_subject *subject)
{
    return subject->process->has_pools;
}

static bool when_zones_were_looked_at(const struct snapshot_subject *subject)
{
    return subject->process->has_zones;
}

static bool when_graphed(const struct snapshot_subject *subject)
{
    return subject->state->graph != NULL;
}

static bool when_strings_are_told(const struct snapshot_subject *subject)
{
    return subject->state->strings.sizes.count || subject->state->strings.patterns.count;
}

static bool when_pages_are_told(const struct snapshot_subject *subject)
{
    return when_graphed(subject) && subject->state->sparse_pages.count;
}

const struct snapshot_part snapshot_parts[] = {
    {"look", 1, false, false, SECTION_NEEDED, always, look_part_visit},
    {"map", 1, false, false, SECTION_NEEDED, when_mapped, map_part_visit},
    {"malloc", 1, false, false, 0, when_malloc_was_looked_at, malloc_part_visit},
    {"pools", 1, false, false, 0, when_pools_were_looked_at, pools_part_visit},
    {"zones", 1, false, false, 0, when_zones_were_looked_at, zones_part_visit},
    {"state", 1, true, false, SECTION_NEEDED, always, state_part_visit},
    {"objects", 1, true, true, SECTION_NEEDED, when_graphed, objects_part_visit},
    {"links", 1, true, true, SECTION_NEEDED, when_graphed, links_part_visit},
    {"names", 1, true, true, SECTION_NEEDED, when_graphed, names_part_visit},
    {"strings", 1, true, true, 0, when_strings_are_told, strings_part_visit},
    {"pages", 1, true, true, 0, when_pages_are_told, pages_part_visit},
};

const size_t snapshot_part_count = sizeof(snapshot_parts) / sizeof(snapshot_parts[0]);
