/*
 * The functions that nginx's modules give to nginx, in tables that every build has: hooks of the module and of its
 * type, and setters of directives. A stripped nginx has no other names for them.
 */
#ifndef RESPIRE_WALK_NGINX_ANCHORS_H
#define RESPIRE_WALK_NGINX_ANCHORS_H

#include "locate/nginx_cycle.h"
#include "symbols/function_names.h"
#include "target/capture.h"

/* Anchors each of them. Names of directives are read through `target`; NULL: left out. Errors: no memory. */
struct error *nginx_anchor_functions(struct target *target, const struct capture *capture,
    const struct nginx_site *site, struct function_names *names);

#endif
