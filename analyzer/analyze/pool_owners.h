/*
 * Who holds the pools that are neither the cycle's nor a connection's nor a request's: from each back along the
 * references to it, up to a module's configuration, a request's context or a global of the program. A configuration
 * outranks a global. Nothing found: unowned, a leak suspect.
 */
#ifndef RESPIRE_ANALYZE_POOL_OWNERS_H
#define RESPIRE_ANALYZE_POOL_OWNERS_H

#include "locate/nginx_cycle.h"
#include "model/glibc_heap.h"
#include "model/nginx_pools.h"
#include "model/lua_state.h"
#include "symbols/elf_modules.h"
#include "symbols/function_names.h"
#include "target/capture.h"

struct pool_owners_input {
    const struct capture *capture;
    const struct elf_modules *modules;
    const struct nginx_site *site;
    const struct glibc_heap *heap;
    struct function_names *names;
    const struct lua_state *states; /* a pool that Lua refers to is not unowned */
    size_t state_count;
};

/* Gives each pool its kind and owner, and fills pools->owners. An error only for want of memory. */
struct error *pool_owners_find(const struct pool_owners_input *input, struct nginx_pools *pools);

#endif
