/*
 * HTTP requests: the first thing that the pool of each holds, or, where that pool is too small for it, its first large
 * block. Where what we want of a request lies is proved by the requests themselves.
 */
#include <stdlib.h>

#include "base/array.h"
#include "layouts/choose_nginx_layout.h"
#include "walk/nginx_phases.h"
#include "walk/nginx_walk.h"

enum { URI_BYTES_MAX = 1 << 20, STATE_BITS = 15, STATE_SHIFT = 1 };

/* ngx_http_state_e. nginx never writes the ones between. */
static const char *const state_names[] = {
    [1] = "reading", [2] = "processing", [6] = "writing", [7] = "lingering", [8] = "keepalive",
};

enum { STATE_READING = 1, STATES = sizeof(state_names) / sizeof(state_names[0]) };

struct found_request {
    address_t at;
    struct nginx_pool *pool;
};

struct requests {
    struct nginx_walk *walk;
    ARRAY(struct found_request) found;
    struct nginx_request_place place;
    struct nginx_phases phases; /* of the configuration that `main_conf` is; the last one that was asked for */
    address_t main_conf;
};

/* A request forgets its pool when it ends, a moment before that is destroyed: its connection still names it. */
static bool is_ending(struct nginx_walk *walk, const unsigned char *request, address_t at)
{
    uint64_t data;
    address_t connection = address(field_u64(request, NGINX_REQUEST_CONNECTION));
    return !field_u64(request, NGINX_REQUEST_POOL) && nginx_connection_may_be_in_use(walk, connection)
        && view_u64(&walk->other_view, address_add(connection, NGINX_CONNECTION_DATA), &data) && data == at.value;
}

static bool is_request_of(struct nginx_walk *walk, address_t at, const struct nginx_pool *pool)
{
    const unsigned char *bytes = view_bytes(&walk->view, at, NGINX_REQUEST_MAIN_MIN);
    return bytes && field_u32(bytes, NGINX_REQUEST_SIGNATURE) == NGINX_SIGNATURE_HTTP
        && (field_u64(bytes, NGINX_REQUEST_POOL) == pool->address.value || is_ending(walk, bytes, at));
}

static bool find_request(struct nginx_walk *walk, const struct nginx_pool *pool, address_t *at)
{
    *at = address_add(pool->address, NGINX_POOL_BYTES);
    if (is_request_of(walk, *at, pool))
        return true;
    if (!pool->large_count)
        return false;
    *at = walk->pools->large[pool->first_large + pool->large_count - 1].address; /* the list begins with the newest */
    return is_request_of(walk, *at, pool);
}

static struct error *find_all(struct requests *requests)
{
    struct nginx_walk *walk = requests->walk;
    struct error *error = NULL;
    for (size_t i = 0; i < walk->pools->count && !error; i++) {
        struct nginx_pool *pool = &walk->pools->pools[i];
        address_t at;
        uint64_t connection;
        if (pool->kind != POOL_UNOWNED || !find_request(walk, pool, &at))
            continue;
        struct found_request *added = ARRAY_ADD(&requests->found);
        if (!added)
            return error_no_memory();
        *added = (struct found_request){at, pool};
        if (!view_u64(&walk->view, address_add(at, NGINX_REQUEST_CONNECTION), &connection)
            || !nginx_connection_may_be_in_use(walk, address(connection)))
            walk->stray_requests++;
        error = nginx_pool_claim(walk->pools, pool, POOL_REQUEST, "requests");
    }
    return error;
}

static struct error *choose_place(struct requests *requests)
{
    address_t *sample = calloc(requests->found.count, sizeof(*sample));
    if (!sample)
        return error_no_memory();
    for (size_t i = 0; i < requests->found.count; i++)
        sample[i] = requests->found.items[i].at;
    requests->place = nginx_request_place_choose(&requests->walk->view, sample, requests->found.count);
    free(sample);
    return NULL;
}

static const char *phase_of(struct requests *requests, address_t request, uint64_t handler)
{
    struct nginx_walk *walk = requests->walk;
    uint64_t main_conf;
    if (!view_u64(&walk->view, address_add(request, NGINX_REQUEST_MAIN_CONF), &main_conf))
        return NULL;
    if (main_conf != requests->main_conf.value) {
        requests->main_conf = address(main_conf);
        nginx_phases_read(&walk->other_view, walk->site, requests->main_conf, &requests->phases);
    }
    return nginx_phase_name(&requests->phases, handler);
}

static struct error *claim_stream(struct requests *requests, address_t request)
{
    uint64_t stream;
    address_t main = address_add(request, requests->place.main);
    if (!view_u64(&requests->walk->view, address_add(main, requests->place.layout->stream), &stream))
        return NULL;
    return nginx_http2_claim_stream(requests->walk, request, address(stream));
}

static void describe(struct requests *requests, const struct found_request *found)
{
    struct memory_view *view = &requests->walk->view;
    const struct nginx_request_layout *layout = requests->place.layout;
    address_t main = address_add(found->at, requests->place.main);
    struct pool_request *request = &found->pool->request;
    uint64_t uri, handler;
    uint8_t bits;
    if (requests->place.uri && view_u64(view, address_add(found->at, requests->place.uri), &uri)
        && uri <= URI_BYTES_MAX)
        request->uri_bytes = uri;
    if (!view_u8(view, address_add(main, layout->state), &bits)
        || !view_u64(view, address_add(main, NGINX_REQUEST_PHASE_HANDLER_BEHIND_MAIN), &handler))
        return;
    unsigned state = bits >> STATE_SHIFT & STATE_BITS;
    request->state = state < STATES ? state_names[state] : NULL;
    request->phase = state > STATE_READING ? phase_of(requests, found->at, handler) : NULL;
}

struct error *nginx_requests_walk(struct nginx_walk *walk)
{
    struct requests requests = {.walk = walk};
    struct error *error = find_all(&requests);
    if (!error && requests.found.count)
        error = choose_place(&requests);
    for (size_t i = 0; i < requests.found.count && !error && requests.place.layout; i++) {
        describe(&requests, &requests.found.items[i]);
        error = claim_stream(&requests, requests.found.items[i].at);
    }
    ARRAY_FREE(&requests.found);
    return error;
}
