/*
 * Who may hold a pool, asked in this order; whoever is first to reach a pool holds it:
 *
 *     the modules' configurations, of the cycle in force, then of old ones;
 *     the contexts of modules in requests;
 *     variables of nginx and its modules;
 *     Lua: userdata and C data that hold the pool's address;
 *     memory of requests, connections and the cycle, where no module is known;
 *     variables of other libraries.
 *
 * Stacks hold nothing: what only a function that runs knows of is not kept.
 */
#ifndef RESPIRE_ANALYZE_POOL_HOLDERS_H
#define RESPIRE_ANALYZE_POOL_HOLDERS_H

#include <stdbool.h>

#include "analyze/pool_owners.h"
#include "walk/nginx_roots.h"
#include "walk/pool_reach.h"

struct pool_holder {
    size_t nginx_root;  /* 1 + index of pool_holders.nginx_roots; 0: none of these */
    address_t variable; /* where it is; 0: none */
    const char *text;   /* what else it is; static */
};

/* A loaded file, as far as it is nginx's. */
struct pool_holder_image {
    bool is_nginx;                    /* it has modules */
    const struct nginx_module *only;  /* the only one; NULL: several, or none */
};

struct pool_holders {
    const struct pool_owners_input *input;
    struct pool_holder_image *images; /* of each of the target's files; owned */
    struct pool_holder *items; /* their indexes are the roots of `reach` */
    size_t count, capacity;
    struct nginx_roots nginx_roots;
    struct pool_reach *reach;
};

/* `holders` is zeroed; free it in any case. Errors: no memory. */
struct error *pool_holders_find(const struct pool_owners_input *input, const struct nginx_pools *pools,
    struct pool_holders *holders);

/* The holder of a pool by its index, or REACH_NO_ROOT. */
uint32_t pool_holders_of(const struct pool_holders *holders, size_t pool);

/* "ngx_http_x_module.main_conf", "ngx_http_x_module global", "lua", … */
void pool_holders_name(const struct pool_holders *holders, uint32_t holder, char *name, size_t name_bytes);

void pool_holders_free(struct pool_holders *holders);

#endif
