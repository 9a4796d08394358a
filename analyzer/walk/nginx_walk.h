/*
 * One walk over nginx's pools: what its parts share. Only walk/nginx_*.c include this file; they run in this order.
 */
#ifndef RESPIRE_WALK_NGINX_WALK_H
#define RESPIRE_WALK_NGINX_WALK_H

#include "base/array.h"
#include "locate/nginx_cycle.h"
#include "model/glibc_heap.h"
#include "model/nginx_pools.h"
#include "symbols/function_names.h"
#include "target/memory_view.h"

/* Those of one cycle. */
struct nginx_connections {
    address_t start;
    uint64_t count;
    uint16_t stride;
    uint64_t *in_use; /* a bit for each; owned */
};

struct nginx_walk {
    const struct nginx_site *site;
    const struct chunk_map *chunks;
    struct function_names *names;   /* NULL: functions are told by their addresses */
    struct nginx_pools *pools;
    ARRAY(address_t) handlers;      /* the functions that pools->names are the names of; owned */
    struct memory_view view;        /* for what lies in the order of addresses */
    struct memory_view other_view;  /* for what that refers to */
    uint64_t blocks_by_pools;       /* as the pools count them */
    ARRAY(struct nginx_connections) connections; /* owned */
    uint64_t free_told, free_walked; /* free connections: as the cycles count them, as their lists go */
    uint64_t stray_connections;     /* in use, with a pool that is none */
    uint64_t stray_requests;        /* whose connection is not in use, nor one without a socket */
};

/* All pools and what they consist of, in the order of their addresses; none has an owner yet. */
struct error *nginx_blocks_walk(struct nginx_walk *walk);

/* Connections of all cycles: which are in use, and their pools. ERROR_NOT_UNDERSTOOD: a list of free ones is broken. */
struct error *nginx_connections_walk(struct nginx_walk *walk);

/* Whether a connection is at `at` and in use; true for any that is in no cycle's array, as those of HTTP/2 streams. */
bool nginx_connection_may_be_in_use(const struct nginx_walk *walk, address_t at);

void nginx_connections_free(struct nginx_walk *walk);

/* Pools of requests that nobody has claimed yet, and what each request is at. */
struct error *nginx_requests_walk(struct nginx_walk *walk);

/* The pools of HTTP/2 that the data of a connection, or the stream of a request, name; of those that are such. */
struct error *nginx_http2_claim_connection(struct nginx_walk *walk, address_t connection, address_t data);
struct error *nginx_http2_claim_stream(struct nginx_walk *walk, address_t request, address_t stream);

/* The pool that starts there, or NULL. */
struct nginx_pool *nginx_pool_at(const struct nginx_pools *pools, address_t address);

/* It is of that kind now, in the row of that name. */
struct error *nginx_pool_claim(struct nginx_pools *pools, struct nginx_pool *pool, enum pool_kind kind,
    const char *name);

#endif
