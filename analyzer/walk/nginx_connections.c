/* The connections of nginx's cycles: arrays with a list of the free ones through each; all others are in use. */
#include <stdlib.h>

#include "base/array.h"
#include "base/range_search.h"
#include "layouts/choose_nginx_layout.h"
#include "walk/nginx_walk.h"

enum { WORD_BITS = 64, NO_SOCKET = UINT32_MAX };

static bool index_of(const struct nginx_connections *connections, uint64_t at, uint64_t *index)
{
    uint64_t distance = at - connections->start.value;
    *index = distance / connections->stride;
    return at >= connections->start.value && *index < connections->count && distance % connections->stride == 0;
}

static bool is_in_use(const struct nginx_connections *connections, uint64_t index)
{
    return connections->in_use[index / WORD_BITS] >> index % WORD_BITS & 1;
}

/* Clears the bit of each free connection. */
static struct error *leave_out_free_ones(struct nginx_walk *walk, address_t first, uint64_t free_count,
    struct nginx_connections *connections)
{
    uint64_t index, walked = 0;
    for (address_t at = first; !address_is_null(at); walked++) {
        if (!index_of(connections, at.value, &index) || !is_in_use(connections, index)
            || !view_u64(&walk->other_view, address_add(at, NGINX_CONNECTION_DATA), &at.value))
            return error_new(ERROR_NOT_UNDERSTOOD, "the list of free connections breaks off after %llu of %llu",
                (unsigned long long)walked, (unsigned long long)free_count);
        connections->in_use[index / WORD_BITS] &= ~((uint64_t)1 << index % WORD_BITS);
    }
    walk->free_told += free_count;
    walk->free_walked += walked;
    walk->pools->connection_slots += connections->count;
    walk->pools->connections_in_use += connections->count - walked;
    return NULL;
}

static bool has_request(struct nginx_walk *walk, uint64_t data)
{
    uint32_t signature;
    return view_u32(&walk->other_view, address_add(address(data), NGINX_REQUEST_SIGNATURE), &signature)
        && signature == NGINX_SIGNATURE_HTTP;
}

/*
 * ngx_lua makes up connections for its timers and hooks, and may leave one behind that names a pool long gone. It is
 * alive if the made-up request that it names is in that pool.
 */
static bool is_made_up_for(const struct nginx_walk *walk, const unsigned char *connection,
    const struct nginx_pool *pool)
{
    const struct nginx_pools *pools = walk->pools;
    address_t request = address(field_u64(connection, NGINX_CONNECTION_DATA));
    const struct pool_chunk *chunk = RANGE_HOLDING(pools->chunks, pools->chunk_count, request);
    return chunk && &pools->pools[chunk->pool] == pool;
}

/* Accepted ones are clients'; others were opened to somebody. */
static const char *row_of(struct nginx_walk *walk, const unsigned char *connection)
{
    if (field_u64(connection, NGINX_CONNECTION_LISTENING))
        return "client connections";
    return has_request(walk, field_u64(connection, NGINX_CONNECTION_DATA)) ? "upstream connections"
                                                                            : "upstream connections, no request";
}

static struct error *claim_pool(struct nginx_walk *walk, const unsigned char *connection)
{
    struct nginx_pools *pools = walk->pools;
    bool has_socket = field_u32(connection, NGINX_CONNECTION_FD) != NO_SOCKET;
    address_t at = address(field_u64(connection, NGINX_CONNECTION_POOL));
    struct nginx_pool *pool = nginx_pool_at(pools, at);
    if (has_socket && !pool && !address_is_null(at))
        walk->stray_connections++;
    if (!pool || pool->kind != POOL_UNOWNED)
        return NULL;
    if (has_socket)
        return nginx_pool_claim(pools, pool, POOL_CONNECTION, row_of(walk, connection));
    return is_made_up_for(walk, connection, pool)
        ? nginx_pool_claim(pools, pool, POOL_CONNECTION, "connections without a socket") : NULL;
}

static struct error *claim_pools(struct nginx_walk *walk, const struct nginx_connections *connections)
{
    struct error *error = NULL;
    for (uint64_t i = 0; i < connections->count && !error; i++) {
        address_t at = address_add(connections->start, i * connections->stride);
        const unsigned char *bytes = view_bytes(&walk->view, at, connections->stride);
        if (!bytes || !is_in_use(connections, i))
            continue;
        error = claim_pool(walk, bytes);
        if (!error)
            error = nginx_http2_claim_connection(walk, at, address(field_u64(bytes, NGINX_CONNECTION_DATA)));
    }
    return error;
}

/*
 * A client's connection is free a moment before its pool is destroyed: then it is the first free one, and the pool
 * still has the connection's log, which is the pool's own, too.
 */
static struct error *claim_pool_of_closing(struct nginx_walk *walk, const struct nginx_connections *connections,
    address_t first_free)
{
    const unsigned char *connection = view_bytes(&walk->view, first_free, connections->stride);
    uint64_t log;
    if (!connection)
        return NULL;
    struct nginx_pool *pool = nginx_pool_at(walk->pools, address(field_u64(connection, NGINX_CONNECTION_POOL)));
    if (!pool || pool->kind != POOL_UNOWNED || !field_u64(connection, NGINX_CONNECTION_LISTENING)
        || !view_u64(&walk->other_view, address_add(pool->address, NGINX_POOL_LOG), &log)
        || log != field_u64(connection, NGINX_CONNECTION_LOG) || log - pool->address.value >= pool->block_bytes)
        return NULL;
    return nginx_pool_claim(walk->pools, pool, POOL_CONNECTION, "client connections");
}

static bool is_known(const struct nginx_walk *walk, address_t start)
{
    for (size_t i = 0; i < walk->connections.count; i++)
        if (address_equal(walk->connections.items[i].start, start))
            return true;
    return false;
}

static struct error *walk_cycle(struct nginx_walk *walk, address_t at)
{
    const struct nginx_cycle_layout *layout = walk->site->layout.cycle;
    const unsigned char *cycle = view_bytes(&walk->other_view, at, layout->bytes);
    if (!cycle)
        return NULL;
    struct nginx_connections found = {
        .start = address(field_u64(cycle, layout->connections)),
        .count = field_u64(cycle, layout->connection_count),
        .stride = nginx_connection_bytes(&walk->view, at, layout),
    };
    address_t free_at = address(field_u64(cycle, layout->free_connections));
    uint64_t free_count = field_u64(cycle, layout->free_connection_count);
    if (!found.stride || is_known(walk, found.start))
        return NULL;
    if (!view_bytes(&walk->view, found.start, found.count * found.stride))
        return error_new(ERROR_NOT_UNDERSTOOD, "the connections of nginx are not all there");
    uint64_t words = (found.count + WORD_BITS - 1) / WORD_BITS;
    found.in_use = malloc(words * sizeof(*found.in_use));
    struct nginx_connections *added = found.in_use ? ARRAY_ADD(&walk->connections) : NULL;
    if (!added) {
        free(found.in_use);
        return error_no_memory();
    }
    memset(found.in_use, 0xff, words * sizeof(*found.in_use));
    *added = found;
    struct error *error = leave_out_free_ones(walk, free_at, free_count, &found);
    if (!error)
        error = claim_pools(walk, &found);
    return error ? error : claim_pool_of_closing(walk, &found, free_at);
}

struct error *nginx_connections_walk(struct nginx_walk *walk)
{
    struct error *error = walk_cycle(walk, walk->site->cycle);
    for (size_t i = 0; i < walk->site->old_cycle_count && !error; i++)
        error = walk_cycle(walk, walk->site->old_cycles[i]);
    if (walk->connections.count)
        checks_add(&walk->pools->checks, "free connections = counted", walk->free_told, walk->free_walked);
    return error;
}

bool nginx_connection_may_be_in_use(const struct nginx_walk *walk, address_t at)
{
    uint64_t index;
    for (size_t i = 0; i < walk->connections.count; i++)
        if (index_of(&walk->connections.items[i], at.value, &index))
            return is_in_use(&walk->connections.items[i], index);
    return true;
}

void nginx_connections_free(struct nginx_walk *walk)
{
    for (size_t i = 0; i < walk->connections.count; i++)
        free(walk->connections.items[i].in_use);
    ARRAY_FREE(&walk->connections);
}
