#include "fake_holders.h"

enum { WORD_BYTES = 8, CONF_BYTES = 96, SERVER_CONF_LIST = 64 };

/* An array of one pointer to something new in the cycle's pool; what that is, is returned. */
static uint64_t put_conf(struct fake_nginx *nginx, uint64_t place)
{
    uint64_t array = fake_palloc(nginx, nginx->pool, WORD_BYTES), conf = fake_palloc(nginx, nginx->pool, CONF_BYTES);
    fake_put(nginx, place, array);
    fake_put(nginx, array, conf);
    return conf;
}

/* The core module of the two becomes the one that has the configurations of HTTP modules. */
static uint64_t put_http(struct fake_nginx *nginx)
{
    uint64_t module = fake_get(nginx, fake_get(nginx, nginx->cycle + nginx->layout->modules));
    uint64_t list = fake_palloc(nginx, nginx->pool, 2 * WORD_BYTES);
    uint64_t context = fake_palloc(nginx, nginx->pool, 3 * WORD_BYTES);
    memcpy(fake_at(nginx, fake_get(nginx, module + NGINX_MODULE_NAME)), "ngx_http_module", sizeof("ngx_http_module"));
    fake_put(nginx, nginx->cycle + NGINX_CYCLE_CONFIGURATION, list);
    fake_put(nginx, list, context);
    return context;
}

static uint64_t kept_pool(struct fake_nginx *nginx)
{
    uint64_t pool = fake_pool(nginx, FAKE_KEPT_BYTES);
    fake_palloc(nginx, pool, 64);
    return pool;
}

/* The newest first, as nginx's modules do it. */
static void keep_in_list(struct fake_nginx *nginx, uint64_t conf, struct fake_holders *holders)
{
    for (unsigned i = 0; i < FAKE_LISTED; i++) {
        uint64_t node = fake_malloc(nginx, 2 * WORD_BYTES);
        holders->of_server_conf[i] = kept_pool(nginx);
        fake_put(nginx, node, fake_get(nginx, conf + SERVER_CONF_LIST));
        fake_put(nginx, node + WORD_BYTES, holders->of_server_conf[i]);
        fake_put(nginx, conf + SERVER_CONF_LIST, node);
    }
}

/* What configuring left behind: a server's names in an array of a pool that is gone, a pointer to a list's middle. */
static void put_remains(struct fake_nginx *nginx, uint64_t main_conf, uint64_t server_conf,
    const struct fake_holders *holders)
{
    fake_put(nginx, server_conf + NGINX_ARRAY_ITEMS, holders->leaked + NGINX_POOL_BYTES);
    fake_put(nginx, server_conf + NGINX_ARRAY_COUNT, 1);
    fake_put(nginx, server_conf + NGINX_ARRAY_CAPACITY, 4);
    fake_put(nginx, server_conf + NGINX_ARRAY_POOL, holders->leaked);
    fake_put(nginx, main_conf + 2 * WORD_BYTES, fake_get(nginx, fake_get(nginx, server_conf + SERVER_CONF_LIST)));
    fake_put(nginx, main_conf + 3 * WORD_BYTES, holders->leaked + NGINX_POOL_BYTES + 24);
}

static void keep_in_context(struct fake_nginx *nginx, struct fake_holders *holders)
{
    uint64_t pool = fake_request(nginx, fake_connection(nginx, fake_pool(nginx, FAKE_KEPT_BYTES)), 1, 0);
    uint64_t contexts = fake_palloc(nginx, pool, WORD_BYTES), context = fake_palloc(nginx, pool, 2 * WORD_BYTES);
    holders->of_context = kept_pool(nginx);
    fake_put(nginx, pool + NGINX_POOL_BYTES + NGINX_REQUEST_CONTEXT, contexts);
    fake_put(nginx, contexts, context);
    fake_put(nginx, context + WORD_BYTES, holders->of_context);
}

void fake_holders_add(struct fake_nginx *nginx, struct fake_holders *holders)
{
    uint64_t context = put_http(nginx), main_conf = put_conf(nginx, context);
    uint64_t server_conf = put_conf(nginx, context + WORD_BYTES);
    uint64_t location_conf = put_conf(nginx, context + 2 * WORD_BYTES);
    holders->leaked = kept_pool(nginx);
    holders->of_main_conf = kept_pool(nginx);
    fake_put(nginx, main_conf + WORD_BYTES, holders->of_main_conf);
    keep_in_list(nginx, server_conf, holders);
    holders->of_location_conf = kept_pool(nginx);
    fake_put(nginx, location_conf + WORD_BYTES, holders->of_location_conf + NGINX_POOL_BYTES);
    keep_in_context(nginx, holders);
    holders->of_variable = kept_pool(nginx);
    uint64_t node = fake_malloc(nginx, 3 * WORD_BYTES);
    fake_put(nginx, FAKE_VARIABLE, node);
    fake_put(nginx, node + 2 * WORD_BYTES, holders->of_variable);
    holders->chained = kept_pool(nginx);
    fake_put(nginx, fake_pool_large(nginx, holders->of_main_conf, 5000) + 4096, holders->chained);
    for (unsigned i = 0; i < 2; i++)
        holders->ring[i] = kept_pool(nginx);
    for (unsigned i = 0; i < 2; i++)
        fake_put(nginx, holders->ring[i] + NGINX_POOL_BYTES, holders->ring[1 - i]);
    put_remains(nginx, main_conf, server_conf, holders);
    holders->program = (struct elf_module){.path = (char *)(uintptr_t)"/usr/sbin/nginx", .start = address(FAKE_DATA)};
    holders->modules = (struct elf_modules){.items = &holders->program, .count = 1, .capacity = 1};
}
