/* The document of `respire shm --json` (docs/JSON.md). */
#ifndef RESPIRE_RENDER_SHM_JSON_H
#define RESPIRE_RENDER_SHM_JSON_H

#include "render/json.h"
#include "render/shm_report.h"

json_t *json_shm(const struct shm_report *report);

#endif
