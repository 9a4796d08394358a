/*
 * The page ledger: each page of the target gets exactly one owner. Walkers claim ranges first (heaps page by page,
 * JIT code, zones); what nobody claims goes to the kind of its mapping, and at last to `unknown`.
 */
#ifndef RESPIRE_ANALYZE_LEDGER_H
#define RESPIRE_ANALYZE_LEDGER_H

#include "locate/allocators.h"
#include "locate/nginx_zones.h"
#include "model/glibc_heap.h"
#include "model/lua_state.h"
#include "model/memory_map.h"
#include "model/nginx_pools.h"
#include "symbols/elf_modules.h"
#include "target/capture.h"

struct ledger_input {
    const struct capture *capture;
    const struct elf_modules *modules;
    const struct allocator_modules *allocators;
    const struct nginx_zones *zones;
    const struct lua_state *states; /* damaged ones claim nothing */
    size_t state_count;
    const struct glibc_heap *malloc; /* NULL: none, or not understood */
    const struct nginx_pools *pools; /* the same; not without malloc */
};

/* Fills owners, anonymous_bytes and unknown_bytes of `map`, largest owner first. */
struct error *ledger_make(const struct ledger_input *input, struct memory_map *map);

#endif
