/* The connections of nginx's cycle: an array with a list of the free ones through it; all others are in use. */
#include <stdlib.h>

#include "base/range_search.h"
#include "walk/nginx_walk.h"

enum { WORD_BITS = 64, NO_SOCKET = UINT32_MAX };

struct connections {
    address_t start, free;
    uint64_t count, free_count;
    uint16_t stride;
};

static bool read_connections(struct nginx_walk *walk, struct connections *connections)
{
    const struct nginx_cycle_layout *layout = walk->site->layout.cycle;
    const unsigned char *cycle = view_bytes(&walk->other_view, walk->site->cycle, layout->bytes);
    *connections = (struct connections){.stride = walk->site->layout.connection_bytes};
    if (!cycle || !connections->stride)
        return false;
    connections->start = address(field_u64(cycle, layout->connections));
    connections->count = field_u64(cycle, layout->connection_count);
    connections->free = address(field_u64(cycle, layout->free_connections));
    connections->free_count = field_u64(cycle, layout->free_connection_count);
    return true;
}

static bool index_of(const struct connections *connections, uint64_t at, uint64_t *index)
{
    uint64_t distance = at - connections->start.value;
    *index = distance / connections->stride;
    return at >= connections->start.value && *index < connections->count && distance % connections->stride == 0;
}

/* Clears the bit of each free connection. */
static struct error *leave_out_free_ones(struct nginx_walk *walk, const struct connections *connections)
{
    uint64_t index, walked = 0;
    address_t at = connections->free;
    while (!address_is_null(at)) {
        if (!index_of(connections, at.value, &index) || !(walk->in_use[index / WORD_BITS] >> index % WORD_BITS & 1)
            || !view_u64(&walk->other_view, address_add(at, NGINX_CONNECTION_DATA), &at.value))
            return error_new(ERROR_NOT_UNDERSTOOD, "the list of free connections breaks off after %llu of %llu",
                (unsigned long long)walked, (unsigned long long)connections->free_count);
        walk->in_use[index / WORD_BITS] &= ~((uint64_t)1 << index % WORD_BITS);
        walked++;
    }
    checks_add(&walk->pools->checks, "free connections = counted", connections->free_count, walked);
    walk->pools->connections_in_use = connections->count - walked;
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

static struct error *claim_pools(struct nginx_walk *walk, const struct connections *connections)
{
    struct error *error = NULL;
    for (uint64_t i = 0; i < connections->count && !error; i++) {
        address_t at = address_add(connections->start, i * connections->stride);
        const unsigned char *bytes = view_bytes(&walk->view, at, connections->stride);
        if (bytes && walk->in_use[i / WORD_BITS] >> i % WORD_BITS & 1)
            error = claim_pool(walk, bytes);
    }
    return error;
}

struct error *nginx_connections_walk(struct nginx_walk *walk)
{
    struct connections connections;
    if (!read_connections(walk, &connections))
        return NULL;
    uint64_t words = (connections.count + WORD_BITS - 1) / WORD_BITS;
    if (!view_bytes(&walk->view, connections.start, connections.count * connections.stride))
        return error_new(ERROR_NOT_UNDERSTOOD, "the connections of nginx are not all there");
    walk->in_use = malloc(words * sizeof(*walk->in_use));
    if (!walk->in_use)
        return error_no_memory();
    for (uint64_t i = 0; i < words; i++)
        walk->in_use[i] = UINT64_MAX;
    walk->pools->connection_slots = connections.count;
    struct error *error = leave_out_free_ones(walk, &connections);
    return error ? error : claim_pools(walk, &connections);
}

bool nginx_connection_may_be_in_use(struct nginx_walk *walk, address_t at)
{
    struct connections connections;
    uint64_t index;
    return !walk->in_use || !read_connections(walk, &connections) || !index_of(&connections, at.value, &index)
        || walk->in_use[index / WORD_BITS] >> index % WORD_BITS & 1;
}
