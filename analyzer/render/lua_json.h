/* The document of `respire lua --json` (docs/JSON.md). */
#ifndef RESPIRE_RENDER_LUA_JSON_H
#define RESPIRE_RENDER_LUA_JSON_H

#include "render/json.h"
#include "render/lua_report.h"

/* With the lists that were asked for, and the largest tables always. */
json_t *json_lua(const struct lua_report *report);

#endif
