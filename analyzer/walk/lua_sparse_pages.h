/* Find the sparse pages of a state's heaps, and the objects on them. */
#ifndef RESPIRE_WALK_LUA_SPARSE_PAGES_H
#define RESPIRE_WALK_LUA_SPARSE_PAGES_H

#include "locate/lua_states.h"
#include "model/lua_state.h"
#include "model/sparse_pages.h"

/*
 * `state` has its heaps and its graph. Only resident pages count; in a core file those that it holds. Besides the
 * result, 4 bytes are needed for every page of the heaps. Release `pages` with sparse_pages_free(); on failure it is
 * untouched.
 */
struct error *lua_sparse_pages_find(const struct capture *capture, const struct lua_site *site,
    const struct lua_state *state, struct sparse_pages *pages);

#endif
