/* The document of `respire mem --json` (docs/JSON.md). */
#ifndef RESPIRE_RENDER_MEMORY_JSON_H
#define RESPIRE_RENDER_MEMORY_JSON_H

#include <jansson.h>

#include "model/process.h"

json_t *json_memory(const struct process *process);

#endif
