#include "render/shm_json.h"

#include <string.h>

#include "render/text.h"
#include "render/zone_json.h"

static json_t *forecast(const struct zone_forecast *forecast, bool known)
{
    json_t *object = json_pack("{s:o, s:o, s:o, s:o}", "rss_bytes", json_resident(known, forecast->rss_bytes),
        "zones_rss_bytes", json_resident(known, forecast->zones_rss_bytes), "rss_grows_by_bytes",
        json_resident(known, forecast->rss_grows_by), "memory_needed_bytes",
        json_resident(known, forecast->memory_needed));
    bool limited = known && forecast->has_limit, has_share = known && forecast->rss_bytes;
    json_object_set_new(object, "zones_share",
        has_share ? json_real((double)forecast->zones_rss_bytes / (double)forecast->rss_bytes) : json_null());
    json_object_set_new(object, "limit_bytes", limited ? json_number(forecast->limit_bytes) : json_null());
    json_object_set_new(object, "limit_used_bytes", limited ? json_number(forecast->limit_used_bytes) : json_null());
    json_object_set_new(object, "limit_group", limited ? json_name(forecast->limit_name) : json_null());
    json_object_set_new(object, "available_bytes", json_resident(known, forecast->available_bytes));
    json_object_set_new(object, "fits", known ? json_boolean(forecast->fits) : json_null());
    return object;
}

/* Those of all zones, each told by its zone. */
static json_t *all_checks(const struct shared_zones *zones)
{
    json_t *all = json_array();
    for (size_t i = 0; i < zones->count; i++) {
        json_t *list = json_checks(&zones->items[i].checks), *check;
        size_t at;
        json_array_foreach(list, at, check)
            json_object_set_new(check, "name", json_sprintf("%s: %s", NAME(zones->items[i].name),
                zones->items[i].checks.items[at].name));
        json_array_extend(all, list);
        json_decref(list);
    }
    return all;
}

json_t *json_shm(const struct shm_report *report)
{
    const struct process *process = report->process;
    const struct shared_zones *zones = &process->zones;
    json_t *document = json_document("shm");
    json_object_set_new(document, "pid", json_integer(process->pid));
    json_object_set_new(document, "name", json_name(report->name));
    json_t *list = json_array();
    for (size_t i = 0; i < zones->count; i++)
        if (!report->only || report->only == &zones->items[i])
            json_array_append_new(list, json_zone(report, &zones->items[i]));
    json_object_set_new(document, "zones", list);
    json_object_set_new(document, "forecast", forecast(&zones->forecast, process->has_residency));
    json_object_set_new(document, "checks", all_checks(zones));
    json_add_look(document, process);
    return document;
}
