/*
 * Finds every pool of an nginx process among the used chunks of its malloc, and what each lives for: the cycle, a
 * connection, a request. Who holds the others is asked by analyze/pool_owners.h.
 */
#ifndef RESPIRE_WALK_NGINX_POOLS_H
#define RESPIRE_WALK_NGINX_POOLS_H

#include "locate/nginx_cycle.h"
#include "model/glibc_heap.h"
#include "model/nginx_pools.h"
#include "symbols/function_names.h"
#include "target/capture.h"

/*
 * Fills `pools`, which is zeroed, but for owners: those that are not the cycle's, a connection's or a request's are
 * POOL_UNOWNED until they are found. Contradictions are told in pools->damage; an error is returned only for want of
 * memory. `names`, in which walk/nginx_anchors.h has anchored functions, tells what cleanup handlers are called; NULL:
 * they are told by their addresses.
 */
struct error *nginx_pools_walk(const struct capture *capture, const struct nginx_site *site,
    const struct glibc_heap *heap, struct function_names *names, struct nginx_pools *pools);

#endif
