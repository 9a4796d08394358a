/*
 * nginx's memory pools (ngx_pool_t) in one process, and who holds each.
 *
 * Of a pool's blocks: header + used + wasted + spare = block bytes, to the byte. Bytes.
 */
#ifndef RESPIRE_MODEL_NGINX_POOLS_H
#define RESPIRE_MODEL_NGINX_POOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "model/checks.h"

/* What a pool lives for. */
enum pool_kind {
    POOL_UNOWNED,    /* nothing that lives refers to it: a leak suspect */
    POOL_REQUEST,    /* ends with its HTTP request */
    POOL_CONNECTION, /* ends with its connection, downstream or upstream */
    POOL_MODULE,     /* held by a module: in its configuration, a global, a request's context */
    POOL_CYCLE,      /* ends with the configuration in force */
    POOL_OLD_CYCLE,  /* of a configuration before that: some connection still uses it */
    POOL_KINDS,
};

/* What an HTTP request is at, as far as its state says. */
struct pool_request {
    uint64_t uri_bytes;   /* the length of its URI; the URI itself is nobody's business */
    const char *state;    /* "reading", "processing", "connecting upstream", … ; static text; NULL: not known */
    const char *phase;    /* "content", "access", …; static text; NULL: not known or none */
};

struct large_block {
    address_t address; /* what the pool points to */
    uint64_t bytes;    /* that malloc made usable there */
};

struct cleanup_handler {
    uint32_t name;  /* index of nginx_pools.names */
    uint32_t count; /* in this pool */
};

struct nginx_pool {
    address_t address;
    enum pool_kind kind;
    uint32_t owner; /* index of nginx_pools.owners */
    uint64_t blocks, block_bytes, header_bytes, used_bytes;
    uint64_t wasted_bytes; /* at the ends of blocks that the pool no longer looks at */
    uint64_t spare_bytes;  /* at the ends of those it does */
    uint32_t first_large, large_count; /* in nginx_pools.large */
    uint64_t large_bytes;
    uint32_t first_cleanup, cleanup_count; /* in nginx_pools.cleanups */
    struct pool_request request;           /* kind POOL_REQUEST */
};

/* A chunk of malloc that belongs to a pool. */
struct pool_chunk {
    struct address_range range; /* all of it, with malloc's header */
    uint32_t pool;              /* index of nginx_pools.pools */
    bool is_large;              /* else a block of the pool */
};

/* Pools with the same holder. */
struct pool_owner {
    char *name; /* "cycle", "connections", "ngx_http_x_module.main_conf", "unowned, 4096-byte blocks"; owned */
    enum pool_kind kind;
    uint64_t pools, blocks, block_bytes, used_bytes, wasted_bytes, spare_bytes, large, large_bytes;
    /* Of unowned pools, what they have in common; else empty. */
    uint64_t first_block_bytes; /* size of each one's first block */
    char *contents;             /* "points to ngx_http_x_handler; text of 12 to 40 bytes"; owned; or NULL */
    address_t lowest, highest;  /* the addresses between which they lie: the lower, the older, if at all */
};

struct nginx_pools {
    const char *layout;   /* "nginx 1.20 to 1.30 or Tengine 3": the row that the bytes prove; static text */
    struct error *damage; /* why they are not understood; no number here means anything then; owned */
    struct nginx_pool *pools; /* address order */
    size_t count, capacity;
    struct pool_owner *owners; /* unowned first, then by bytes */
    size_t owner_count, owner_capacity;
    struct large_block *large;
    size_t large_count, large_capacity;
    struct cleanup_handler *cleanups;
    size_t cleanup_count, cleanup_capacity;
    char **names; /* of functions: "ngx_http_x_cleanup", or "0x55d0…" where it has none; owned */
    size_t name_count, name_capacity;
    uint64_t connection_slots, connections_in_use; /* of the cycle */
    uint64_t data_bytes; /* arrays of connections and events, which are in no pool */
    /* Where all that is, in the target; released with the copy of its memory, and in no snapshot. */
    struct pool_chunk *chunks; /* address order, no overlap */
    size_t chunk_count, chunk_capacity;
    struct address_range *data; /* chunks of the arrays; address order */
    size_t data_count, data_capacity;
    struct checks checks;
};

/* Blocks and large blocks. */
static inline uint64_t pool_bytes(const struct nginx_pool *pool)
{
    return pool->block_bytes + pool->large_bytes;
}

/* It ends with a configuration, in force or not. */
static inline bool pool_is_of_cycle(const struct nginx_pool *pool)
{
    return pool->kind == POOL_CYCLE || pool->kind == POOL_OLD_CYCLE;
}

/* "request", "connection", … as JSON and people see it. */
const char *pool_kind_name(enum pool_kind kind);

/* The row of that holder; one without pools is added when there is none yet. */
struct error *nginx_pools_owner(struct nginx_pools *pools, enum pool_kind kind, const char *name, uint32_t *owner);

/*
 * Sum up every pool in its owner's row, and put the rows in order: unowned ones first, then by bytes. Rows without a
 * pool go. May be called again when pools have found other owners.
 */
struct error *nginx_pools_sum(struct nginx_pools *pools);

/* Forget where they are. */
void nginx_pools_forget_chunks(struct nginx_pools *pools);

void nginx_pools_release(struct nginx_pools *pools);

#endif
