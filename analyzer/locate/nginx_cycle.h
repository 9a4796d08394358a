/*
 * The cycle of an nginx process, without symbols: the first thing that a cycle's pool holds is the cycle, which points
 * back at the pool. With it: which row of offsets the bytes prove, and the modules in force.
 */
#ifndef RESPIRE_LOCATE_NGINX_CYCLE_H
#define RESPIRE_LOCATE_NGINX_CYCLE_H

#include <stdbool.h>

#include "layouts/nginx_layout.h"
#include "model/chunk_map.h"
#include "target/capture.h"

enum { NGINX_MODULE_NAME_MAX = 64 };

struct nginx_module {
    address_t address;                /* of its ngx_module_t */
    char name[NGINX_MODULE_NAME_MAX]; /* "ngx_http_lua_module" */
    uint64_t index, context_index;    /* in all modules; in those of its type */
    uint32_t type;                    /* "HTTP", "CORE", … as four bytes */
    address_t context;                /* its table of hooks */
};

struct nginx_site {
    struct nginx_layout layout; /* its cycle is NULL: this process is no nginx, or none of a known layout */
    address_t cycle;                   /* the one in force */
    struct nginx_module *modules;      /* in the order of cycle->modules; owned */
    size_t module_count;
    address_t *old_cycles;             /* of configurations before that, whose pools are still there; owned */
    size_t old_cycle_count;
};

struct error *locate_nginx_cycle(const struct capture *capture, const struct chunk_map *chunks,
    struct nginx_site *site);

/* The module whose ngx_module_t is there, or NULL. */
const struct nginx_module *nginx_site_module(const struct nginx_site *site, address_t address);

void nginx_site_free(struct nginx_site *site);

#endif
