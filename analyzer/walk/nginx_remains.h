/*
 * Pointers that configuring leaves behind. nginx reads its configuration with the help of a pool that it destroys at
 * the end, and never clears what refers to it: lists of server names, what hashes were made from. What malloc puts
 * there later is not theirs, even where it starts at the same place.
 */
#ifndef RESPIRE_WALK_NGINX_REMAINS_H
#define RESPIRE_WALK_NGINX_REMAINS_H

#include "walk/nginx_roots.h"

/* Calls `visit` with the place of each such pointer in the memory of cycles. `roots`: all configurations. */
void nginx_remains_find(const struct capture *capture, const struct nginx_pools *pools, const struct nginx_roots *roots,
    void (*visit)(void *context, address_t place), void *context);

#endif
