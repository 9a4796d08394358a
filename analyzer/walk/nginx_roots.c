#include "walk/nginx_roots.h"

#include <string.h>

#include "base/array.h"
#include "base/range_search.h"
#include "target/capture_parts.h"
#include "walk/pool_memory.h"

enum { POINTER_BYTES = 8 };

/* A module of core that keeps the configurations of all modules of a type, in arrays by their index in that type. */
struct container {
    const char *name;
    uint32_t type;
    unsigned arrays; /* main, server, location: so many of them */
};

static const struct container containers[] = {
    {"ngx_http_module", NGINX_SIGNATURE_HTTP, 3},
    {"ngx_stream_module", NGINX_SIGNATURE_STREAM, 2},
    {"ngx_mail_module", NGINX_SIGNATURE_MAIL, 2},
};

static const char events_container[] = "ngx_events_module";

struct gathering {
    struct memory_view view;
    const struct nginx_site *site;
    const struct nginx_pools *pools;
    struct nginx_roots *roots;
    bool of_old_cycle;
};

static uint64_t word_at(struct gathering *gathering, address_t at)
{
    uint64_t word = 0;
    view_u64(&gathering->view, at, &word);
    return word;
}

static struct error *add_root(struct gathering *gathering, uint64_t word, const struct nginx_module *module,
    enum nginx_root_kind kind)
{
    if (word == 0)
        return NULL;
    struct nginx_root *root = ARRAY_ADD(gathering->roots);
    if (!root)
        return error_no_memory();
    *root = (struct nginx_root){address(word), module, kind, gathering->of_old_cycle};
    return NULL;
}

/* Modules of that type, by an array of pointers. */
static struct error *add_array(struct gathering *gathering, address_t array, uint32_t type, enum nginx_root_kind kind)
{
    const struct nginx_site *site = gathering->site;
    struct error *error = NULL;
    for (size_t i = 0; i < site->module_count && !error; i++) {
        const struct nginx_module *module = &site->modules[i];
        if (module->type == type)
            error = add_root(gathering, word_at(gathering, address_add(array, module->context_index * POINTER_BYTES)),
                module, kind);
    }
    return error;
}

/* The word leads to something that a cycle's pool has. */
static bool leads_to_cycle(const struct gathering *gathering, uint64_t word)
{
    const struct nginx_pools *pools = gathering->pools;
    const struct pool_chunk *chunk = RANGE_HOLDING(pools->chunks, pools->chunk_count, address(word));
    return chunk && word % POINTER_BYTES == 0 && pool_is_of_cycle(&pools->pools[chunk->pool]);
}

/*
 * Each server and location has a context of its own: pointers to the three arrays, of which the first is the same for
 * all. So each place that holds this pointer may be one.
 */
static struct error *add_context(struct gathering *gathering, const unsigned char *words,
    const struct container *container)
{
    struct error *error = NULL;
    for (unsigned i = 1; i < container->arrays; i++)
        if (!leads_to_cycle(gathering, field_u64(words, i * POINTER_BYTES)))
            return NULL;
    for (unsigned i = 1; i < container->arrays && !error; i++)
        error = add_array(gathering, address(field_u64(words, i * POINTER_BYTES)), container->type,
            i == 1 ? ROOT_SERVER_CONF : ROOT_LOCATION_CONF);
    return error;
}

static struct error *add_contexts(struct gathering *gathering, struct address_range left, uint64_t main_array,
    const struct container *container)
{
    const uint64_t context_bytes = container->arrays * POINTER_BYTES;
    struct capture_piece part;
    struct error *error = NULL;
    while (!error && capture_next_part(gathering->view.capture, &left, &part))
        for (uint64_t at = 0; at + context_bytes <= range_bytes(part.range) && !error; at += POINTER_BYTES)
            if (field_u64(part.data + at, 0) == main_array)
                error = add_context(gathering, part.data + at, container);
    return error;
}

static struct error *add_container(struct gathering *gathering, address_t context, const struct container *container)
{
    const struct nginx_pools *pools = gathering->pools;
    uint64_t main_array = word_at(gathering, context);
    if (!leads_to_cycle(gathering, main_array))
        return NULL;
    struct error *error = add_array(gathering, address(main_array), container->type, ROOT_MAIN_CONF);
    for (size_t i = 0; i < pools->chunk_count && !error; i++)
        if (pool_is_of_cycle(&pools->pools[pools->chunks[i].pool]))
            error = add_contexts(gathering, pool_chunk_contents(&gathering->view, pools, &pools->chunks[i]),
                main_array, container);
    return error;
}

/* What a core module has: its configuration, or those of all modules of a type. */
static struct error *add_core_module(struct gathering *gathering, const struct nginx_module *module, uint64_t word)
{
    for (size_t i = 0; i < sizeof(containers) / sizeof(containers[0]); i++)
        if (strcmp(module->name, containers[i].name) == 0)
            return add_container(gathering, address(word), &containers[i]);
    if (strcmp(module->name, events_container) == 0)
        return add_array(gathering, address(word_at(gathering, address(word))), NGINX_SIGNATURE_EVENT, ROOT_CONF);
    return add_root(gathering, word, module, ROOT_CONF);
}

static struct error *add_cycle(struct gathering *gathering, address_t cycle)
{
    const struct nginx_site *site = gathering->site;
    address_t list = address(word_at(gathering, address_add(cycle, NGINX_CYCLE_CONFIGURATION)));
    struct error *error = NULL;
    for (size_t i = 0; i < site->module_count && !error; i++) {
        const struct nginx_module *module = &site->modules[i];
        if (module->type == NGINX_SIGNATURE_CORE)
            error = add_core_module(gathering, module,
                word_at(gathering, address_add(list, module->index * POINTER_BYTES)));
    }
    return error;
}

struct error *nginx_conf_roots(const struct capture *capture, const struct nginx_site *site,
    const struct nginx_pools *pools, struct nginx_roots *roots)
{
    struct gathering gathering = {.view = view_of(capture), .site = site, .pools = pools, .roots = roots};
    struct error *error = add_cycle(&gathering, site->cycle);
    gathering.of_old_cycle = true;
    for (size_t i = 0; i < site->old_cycle_count && !error; i++)
        error = add_cycle(&gathering, site->old_cycles[i]);
    return error;
}

/* A request, or a subrequest, which lies in its request's pool. */
static bool is_request(const unsigned char *bytes, address_t pool)
{
    return field_u32(bytes, NGINX_REQUEST_SIGNATURE) == NGINX_SIGNATURE_HTTP
        && field_u64(bytes, NGINX_REQUEST_POOL) == pool.value;
}

static struct error *add_requests(struct gathering *gathering, const struct pool_chunk *chunk)
{
    address_t pool = gathering->pools->pools[chunk->pool].address;
    struct address_range left = pool_chunk_contents(&gathering->view, gathering->pools, chunk);
    struct capture_piece part;
    struct error *error = NULL;
    while (!error && capture_next_part(gathering->view.capture, &left, &part))
        for (uint64_t at = 0; at + NGINX_REQUEST_MAIN_MIN <= range_bytes(part.range) && !error; at += POINTER_BYTES)
            if (is_request(part.data + at, pool))
                error = add_array(gathering, address(field_u64(part.data + at, NGINX_REQUEST_CONTEXT)),
                    NGINX_SIGNATURE_HTTP, ROOT_REQUEST_CONTEXT);
    return error;
}

struct error *nginx_context_roots(const struct capture *capture, const struct nginx_site *site,
    const struct nginx_pools *pools, struct nginx_roots *roots)
{
    struct gathering gathering = {.view = view_of(capture), .site = site, .pools = pools, .roots = roots};
    struct error *error = NULL;
    for (size_t i = 0; i < pools->chunk_count && !error; i++)
        if (pools->pools[pools->chunks[i].pool].kind == POOL_REQUEST)
            error = add_requests(&gathering, &pools->chunks[i]);
    return error;
}

struct error *nginx_connections_in_use(const struct capture *capture, const struct nginx_site *site,
    struct error *(*visit)(void *context, struct address_range connection), void *context)
{
    struct memory_view view = view_of(capture);
    uint64_t stride = site->layout.connection_bytes, count, connections;
    struct error *error = NULL;
    if (!stride || !view_u64(&view, address_add(site->cycle, site->layout.cycle->connection_count), &count)
        || !view_u64(&view, address_add(site->cycle, site->layout.cycle->connections), &connections))
        return NULL;
    for (uint64_t i = 0; i < count && !error; i++) {
        uint64_t offset;
        if (__builtin_mul_overflow(i, stride, &offset))
            break;
        address_t start = address_add(address(connections), offset);
        const unsigned char *bytes = view_bytes(&view, start, stride);
        if (!bytes)
            break;
        if ((int32_t)field_u32(bytes, NGINX_CONNECTION_FD) != -1)
            error = visit(context, (struct address_range){start, address_add(start, stride)});
    }
    return error;
}

void nginx_roots_free(struct nginx_roots *roots)
{
    ARRAY_FREE(roots);
}
