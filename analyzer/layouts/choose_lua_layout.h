/*
 * Which row describes the state at an address? A row is accepted only when all of its claims hold on the target's own
 * bytes; exactly one row must be. Where a state has no traces, the newest of rows that differ in their traces alone
 * stands for all of them.
 */
#ifndef RESPIRE_LAYOUTS_CHOOSE_LUA_LAYOUT_H
#define RESPIRE_LAYOUTS_CHOOSE_LUA_LAYOUT_H

#include <stdbool.h>

#include "layouts/lua_layout.h"
#include "target/capture.h"

/* One claim of a row, asked of the target. */
enum lua_layout_claim {
    CLAIM_MAIN_THREAD,     /* the state's global_State names it as its main thread */
    CLAIM_STRING_TABLE,    /* power-of-two size, its memory is there */
    CLAIM_COLLECTOR,       /* phase and colours in range, the object chain begins in memory */
    CLAIM_REGISTRY,        /* the registry is a table */
    CLAIM_ALLOCATOR,       /* the allocation function is code */
    CLAIM_CURRENT_THREAD,  /* the running thread is a thread of this state */
    CLAIM_UPVALUE_RING,    /* the ring of open upvalues is closed */
    CLAIM_ROOTS,           /* they begin where the row says */
    CLAIM_DISPATCH_TABLE,  /* starts and ends where the row says */
    CLAIM_TRACES,          /* the first few hold together, and so do the recorder and the code; nothing where none is */
    LUA_LAYOUT_CLAIMS,
};

const char *lua_layout_claim_name(enum lua_layout_claim claim);

/* The first claim of `layout` that fails for the state at `thread`, or LUA_LAYOUT_CLAIMS when all hold. */
enum lua_layout_claim lua_layout_verify(const struct capture *capture, const struct lua_layout *layout,
    address_t thread);

/*
 * The row for the state at `thread`, or NULL. When NULL, `nearest` and `failed` (both may be NULL) tell the row that
 * went furthest and the claim at which it failed; failed = LUA_LAYOUT_CLAIMS means that two rows fit.
 */
const struct lua_layout *lua_layout_choose(const struct capture *capture, address_t thread,
    const struct lua_layout **nearest, enum lua_layout_claim *failed);

#endif
