/* One zone of the document of `respire shm --json`. */
#ifndef RESPIRE_RENDER_ZONE_JSON_H
#define RESPIRE_RENDER_ZONE_JSON_H

#include "render/json.h"
#include "render/shm_report.h"

json_t *json_zone(const struct shm_report *report, const struct shared_zone *zone);

#endif
