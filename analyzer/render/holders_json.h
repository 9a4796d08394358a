/* Who holds the memory of one Lua state, as keys of its JSON object (docs/JSON.md). */
#ifndef RESPIRE_RENDER_HOLDERS_JSON_H
#define RESPIRE_RENDER_HOLDERS_JSON_H

#include <jansson.h>

#include "model/lua_holders.h"

/*
 * Adds to `state`: live, garbage and tables always, and what `parts` (enum holders_part) names. Children of a step of
 * a path that are beyond `top`, or weigh less than a ten-thousandth of the whole, are one child "(others)".
 */
void holders_json_add(json_t *state, const struct lua_holders *holders, unsigned parts, size_t top);

#endif
