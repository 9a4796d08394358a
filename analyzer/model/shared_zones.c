#include "model/shared_zones.h"

#include <stdlib.h>

#include "base/size.h"

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS, HOUR_MS = 60 * MINUTE_MS, DAY_MS = 24 * HOUR_MS };

const uint64_t ttl_bounds_ms[TTL_ROWS] = {
    SECOND_MS, 10 * SECOND_MS, MINUTE_MS, 10 * MINUTE_MS, HOUR_MS, DAY_MS, 7 * DAY_MS, UINT64_MAX,
};

const char *zone_kind_name(enum zone_kind kind)
{
    static const char *const names[ZONE_KINDS] = {
        [ZONE_OTHER] = "other",
        [ZONE_LUA_DICT] = "lua_shared_dict",
        [ZONE_LIMIT_REQ] = "limit_req",
        [ZONE_LIMIT_CONN] = "limit_conn",
        [ZONE_CACHE] = "cache keys",
        [ZONE_SSL_SESSIONS] = "ssl sessions",
        [ZONE_UPSTREAM] = "upstream",
        [ZONE_COUNTERS] = "counters",
    };
    return names[kind];
}

const char *dict_value_name(enum dict_value value)
{
    static const char *const names[DICT_VALUES] = {
        [DICT_NIL] = "nil",       [DICT_BOOLEAN] = "boolean", [DICT_NUMBER] = "number",
        [DICT_STRING] = "string", [DICT_LIST] = "list",
    };
    return names[value];
}

uint64_t shared_zone_unloaded_bytes(const struct shared_zone *zone)
{
    const uint64_t whole = range_bytes(zone->range);
    return whole - size_min(zone->loaded_bytes, whole);
}

uint64_t shared_zone_failures(const struct shared_zone *zone)
{
    uint64_t failures = 0;
    for (size_t i = 0; zone->has_slabs && i < zone->slabs.size_count; i++)
        failures += zone->slabs.sizes[i].failures;
    return failures;
}

void zone_contents_release(struct zone_contents *contents)
{
    free(contents->newest.key);
    free(contents->oldest.key);
    for (size_t i = 0; i < contents->largest_count; i++)
        free(contents->largest[i].key);
    free(contents->largest);
    *contents = (struct zone_contents){0};
}

void shared_zone_release(struct shared_zone *zone)
{
    error_free(zone->damage);
    free(zone->name);
    free(zone->module);
    zone_contents_release(&zone->contents);
    *zone = (struct shared_zone){0};
}

void shared_zones_release(struct shared_zones *zones)
{
    for (size_t i = 0; i < zones->count; i++)
        shared_zone_release(&zones->items[i]);
    free(zones->items);
    *zones = (struct shared_zones){0};
}
