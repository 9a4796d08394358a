/* Count the strings of a state by what they have in common, and by their length. */
#ifndef RESPIRE_WALK_LUA_STRINGS_H
#define RESPIRE_WALK_LUA_STRINGS_H

#include "locate/lua_states.h"
#include "model/lua_strings.h"
#include "model/object_graph.h"

enum { LUA_STRING_PATTERNS_MAX = 1000 }; /* rows besides that of the others */

/*
 * On all processors at once. Unless contents are to be shown, nothing of a string but its shape is in the patterns.
 * Release `strings` with lua_strings_free(); on failure it is untouched.
 */
struct error *lua_strings_group(const struct capture *capture, const struct lua_site *site,
    const struct object_graph *graph, bool show_contents, struct lua_strings *strings);

#endif
