/*
 * Where nginx's modules keep what they have: their configurations at each level, and the contexts that they give to
 * requests. What one of these leads to is that module's.
 */
#ifndef RESPIRE_WALK_NGINX_ROOTS_H
#define RESPIRE_WALK_NGINX_ROOTS_H

#include "locate/nginx_cycle.h"
#include "model/nginx_pools.h"
#include "target/capture.h"

enum nginx_root_kind {
    ROOT_CONF, /* of a core or event module */
    ROOT_MAIN_CONF,
    ROOT_SERVER_CONF,
    ROOT_LOCATION_CONF,
    ROOT_REQUEST_CONTEXT,
};

struct nginx_root {
    address_t address; /* what the module's pointer leads to; not looked at yet */
    const struct nginx_module *module;
    enum nginx_root_kind kind;
    bool of_old_cycle;
};

struct nginx_roots {
    struct nginx_root *items;
    size_t count, capacity;
};

/*
 * Add the configurations of all modules: of every server and location, the cycle in force first. `pools` must know the
 * cycles' pools and where their chunks are. Errors: no memory.
 */
struct error *nginx_conf_roots(const struct capture *capture, const struct nginx_site *site,
    const struct nginx_pools *pools, struct nginx_roots *roots);

/* Add what modules have put into the contexts of requests and subrequests. Errors: no memory. */
struct error *nginx_context_roots(const struct capture *capture, const struct nginx_site *site,
    const struct nginx_pools *pools, struct nginx_roots *roots);

/* Of an array of the cycle: call `visit` with each connection in use, until it fails. */
struct error *nginx_connections_in_use(const struct capture *capture, const struct nginx_site *site,
    struct error *(*visit)(void *context, struct address_range connection), void *context);

void nginx_roots_free(struct nginx_roots *roots);

#endif
