/* Where the collector begins to mark. */
#ifndef RESPIRE_WALK_LUA_ROOTS_H
#define RESPIRE_WALK_LUA_ROOTS_H

#include "walk/lua_reference_reader.h"

/*
 * Append the roots to the reader's list: those first by whose name a Lua programmer would call things. Strings that
 * are never collected are not among them: they are told by a mark on each, which the walk over all objects sees.
 */
bool lua_roots_read(struct lua_reference_reader *reader, const struct lua_site *site);

#endif
