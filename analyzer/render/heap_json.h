/* The document of `respire heap --json` (docs/JSON.md). */
#ifndef RESPIRE_RENDER_HEAP_JSON_H
#define RESPIRE_RENDER_HEAP_JSON_H

#include "render/heap_report.h"
#include "render/json.h"

json_t *json_heap(const struct heap_report *report);

#endif
