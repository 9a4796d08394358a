/* The names of a state's objects (model/object_names.h), read from the copy of the target's memory. */
#ifndef RESPIRE_WALK_LUA_NAMES_H
#define RESPIRE_WALK_LUA_NAMES_H

#include "locate/lua_states.h"
#include "model/object_graph.h"
#include "model/object_names.h"

/* The capture and the graph outlive `names`. Of the site only a copy is kept. One thread may ask at a time. */
struct error *lua_names_make(const struct capture *capture, const struct lua_site *site,
    const struct object_graph *graph, struct object_names *names);

#endif
