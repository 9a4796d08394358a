/*
 * Find every Lua state of the target without symbols: a main thread's lua_State is followed closely by its own
 * global_State, and points at it. What looks like a state but fits no layout is returned too, so that it is named as
 * not understood instead of being overlooked.
 */
#ifndef RESPIRE_LOCATE_LUA_STATES_H
#define RESPIRE_LOCATE_LUA_STATES_H

#include "layouts/choose_lua_layout.h"
#include "target/capture.h"

struct lua_site {
    address_t thread;                /* the main thread's lua_State */
    const struct lua_layout *layout; /* NULL: looks like a state, but no row fits */
    const struct lua_layout *nearest;
    enum lua_layout_claim failed;    /* where the nearest row failed; valid when layout is NULL */
};

struct lua_sites {
    struct lua_site *items; /* address order */
    size_t count, capacity;
};

/* More states than this in one process are not looked at; the error says so. */
enum { LUA_SITES_MAX = 100000 };

struct error *locate_lua_states(const struct capture *capture, struct lua_sites *sites);

void lua_sites_free(struct lua_sites *sites);

#endif
