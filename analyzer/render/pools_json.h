/* The document of `respire pools --json` (docs/JSON.md). */
#ifndef RESPIRE_RENDER_POOLS_JSON_H
#define RESPIRE_RENDER_POOLS_JSON_H

#include "render/json.h"
#include "render/pools_report.h"

json_t *json_pools(const struct pools_report *report);

#endif
