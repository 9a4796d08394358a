/*
 * Pools of HTTP/2: one of each connection, and one of each stream beside its request's. The structures that name them
 * point back at the connection or request that points to them, with their first word.
 */
#include "walk/nginx_walk.h"

/* Behind these, neither structure goes on. */
enum { CONNECTION_BYTES = 488, STREAM_BYTES = 136 };

/* Pools that nobody has claimed yet and that a structure, if it points back at `owner`, names in one of its words. */
static struct error *claim_named(struct nginx_walk *walk, address_t structure, uint64_t bytes, address_t owner,
    const char *name)
{
    uint64_t word;
    struct error *error = NULL;
    if (!view_u64(&walk->other_view, structure, &word) || word != owner.value)
        return NULL;
    for (uint64_t at = sizeof(word); at < bytes && !error; at += sizeof(word)) {
        if (!view_u64(&walk->other_view, address_add(structure, at), &word))
            break;
        struct nginx_pool *pool = nginx_pool_at(walk->pools, address(word));
        if (pool && pool->kind == POOL_UNOWNED)
            error = nginx_pool_claim(walk->pools, pool, POOL_CONNECTION, name);
    }
    return error;
}

struct error *nginx_http2_claim_connection(struct nginx_walk *walk, address_t connection, address_t data)
{
    return claim_named(walk, data, CONNECTION_BYTES, connection, "HTTP/2 connections");
}

struct error *nginx_http2_claim_stream(struct nginx_walk *walk, address_t request, address_t stream)
{
    return claim_named(walk, stream, STREAM_BYTES, request, "HTTP/2 streams");
}
