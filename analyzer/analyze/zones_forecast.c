#include "analyze/zones_forecast.h"

#include <string.h>

#include "base/size.h"
#include "target/memory_room.h"

_Static_assert(sizeof(((struct zone_forecast *)0)->limit_name) == GROUP_NAME_MAX, "a group's name fits");

void memory_now_read(const struct target *target, struct memory_now *now)
{
    *now = (struct memory_now){0};
    if (target_kind(target) != TARGET_LIVE_PROCESS)
        return;
    now->rss_bytes = target_resident_bytes(target);
    now->available_bytes = memory_available_bytes();
    memory_limit_read(target_pid(target), &now->limit);
}

void zones_forecast_make(const struct memory_now *now, struct shared_zones *zones)
{
    struct zone_forecast *forecast = &zones->forecast;
    *forecast = (struct zone_forecast){.rss_bytes = now->rss_bytes, .available_bytes = now->available_bytes};
    for (size_t i = 0; i < zones->count; i++) {
        const struct shared_zone *zone = &zones->items[i];
        const uint64_t whole = range_bytes(zone->range);
        if (!zone->has_residency)
            continue;
        forecast->zones_rss_bytes += zone->own_bytes;
        forecast->rss_grows_by += whole - size_min(zone->own_bytes, whole);
        forecast->memory_needed += shared_zone_unloaded_bytes(zone);
    }
    forecast->has_limit = now->limit.is_limited;
    forecast->limit_bytes = now->limit.limit_bytes;
    forecast->limit_used_bytes = now->limit.used_bytes;
    memcpy(forecast->limit_name, now->limit.group, sizeof(forecast->limit_name));
    forecast->fits = forecast->memory_needed <= size_min(memory_limit_room(&now->limit), now->available_bytes);
}
