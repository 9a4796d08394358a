/*
 * The cycle of an nginx process, without symbols: the first thing that a cycle's pool holds is the cycle, which points
 * back at the pool. With it: which row of offsets the bytes prove, and the modules in force.
 */
#ifndef RESPIRE_LOCATE_NGINX_CYCLE_H
#define RESPIRE_LOCATE_NGINX_CYCLE_H

#include <stdbool.h>

#include "layouts/nginx_layout.h"
#include "locate/nginx_modules.h"
#include "model/chunk_map.h"
#include "target/capture.h"
#include "target/target.h"

struct nginx_site {
    struct nginx_layout layout;   /* its cycle is NULL: this process is no nginx, or none of a known layout */
    address_t cycle;              /* the one in force */
    struct nginx_module *modules; /* in the order of cycle->modules; owned */
    size_t module_count;
    address_t *old_cycles;        /* of configurations before that, or after, whose pools are there; owned */
    size_t old_cycle_count;
};

/*
 * `chunks`: those of glibc's malloc. Where it has none, because another malloc serves, the cycle is looked for in all
 * memory. Names of modules are read through `target`; NULL: from the copy alone. `site` is filled; free it in any case.
 */
struct error *locate_nginx_cycle(struct target *target, const struct capture *capture, const struct chunk_map *chunks,
    struct nginx_site *site);

/* The module whose ngx_module_t is there, or NULL. */
const struct nginx_module *nginx_site_module(const struct nginx_site *site, address_t address);

void nginx_site_free(struct nginx_site *site);

#endif
