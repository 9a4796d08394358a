/* The JIT compiler's machine code areas: a list whose links lie at the start of each area. */
#ifndef RESPIRE_WALK_LUA_CODE_AREAS_H
#define RESPIRE_WALK_LUA_CODE_AREAS_H

#include "locate/lua_states.h"
#include "model/lua_state.h"

struct error *lua_code_areas_walk(const struct capture *capture, const struct lua_site *site, struct lua_state *state);

#endif
