#include "walk/nginx_remains.h"

#include <string.h>

#include "base/range_search.h"
#include "target/capture_parts.h"
#include "walk/pool_memory.h"

enum { WORD_BYTES = 8, GONE_POOLS_MAX = 8 };

struct search {
    struct memory_view view;
    const struct nginx_pools *pools;
    uint64_t gone[GONE_POOLS_MAX]; /* addresses of destroyed pools, of a cycle each */
    size_t gone_count;
    void (*visit)(void *context, address_t place);
    void *context;
};

static bool is_gone(const struct search *search, uint64_t pool)
{
    for (size_t i = 0; i < search->gone_count; i++)
        if (search->gone[i] == pool)
            return true;
    return false;
}

/* A server's list of names is an array in the pool that is gone. */
static void find_gone_pools(struct search *search, const struct nginx_roots *roots)
{
    for (size_t i = 0; i < roots->count && search->gone_count < GONE_POOLS_MAX; i++) {
        const struct nginx_root *root = &roots->items[i];
        uint64_t pool;
        if (root->kind == ROOT_SERVER_CONF && strcmp(root->module->name, "ngx_http_core_module") == 0
            && view_u64(&search->view, address_add(root->address, NGINX_SERVER_NAMES + NGINX_ARRAY_POOL), &pool)
            && pool && !is_gone(search, pool))
            search->gone[search->gone_count++] = pool;
    }
}

static bool is_cycle_pool(const struct search *search, uint64_t word)
{
    const struct nginx_pools *pools = search->pools;
    const struct pool_chunk *chunk = RANGE_HOLDING(pools->chunks, pools->chunk_count, address(word));
    if (!chunk || pools->pools[chunk->pool].address.value != word)
        return false;
    return pool_is_of_cycle(&pools->pools[chunk->pool]);
}

static bool is_array_of_gone_pool(const struct search *search, const unsigned char *words)
{
    return is_gone(search, field_u64(words, NGINX_ARRAY_POOL))
        && field_u64(words, NGINX_ARRAY_COUNT) <= field_u64(words, NGINX_ARRAY_CAPACITY);
}

static bool is_hash_keys(const struct search *search, const unsigned char *words)
{
    uint64_t slots = field_u64(words, NGINX_HASH_KEYS_SLOTS);
    return (slots == NGINX_HASH_KEYS_SLOTS_SMALL || slots == NGINX_HASH_KEYS_SLOTS_LARGE)
        && is_cycle_pool(search, field_u64(words, NGINX_HASH_KEYS_POOL));
}

/* `bytes` of memory from these words on can be read. */
static void look_at(const struct search *search, address_t place, const unsigned char *words, uint64_t bytes)
{
    if (bytes >= NGINX_ARRAY_BYTES && is_array_of_gone_pool(search, words)) {
        search->visit(search->context, place);
        search->visit(search->context, address_add(place, NGINX_ARRAY_POOL));
    }
    if (bytes >= NGINX_HASH_KEYS_BYTES && is_hash_keys(search, words))
        for (uint64_t at = NGINX_HASH_KEYS_TEMPORARY_POOL; at < NGINX_HASH_KEYS_BYTES; at += WORD_BYTES)
            search->visit(search->context, address_add(place, at));
}

void nginx_remains_find(const struct capture *capture, const struct nginx_pools *pools, const struct nginx_roots *roots,
    void (*visit)(void *context, address_t place), void *context)
{
    struct search search = {
        .view = view_of(capture), .pools = pools, .visit = visit, .context = context,
    };
    find_gone_pools(&search, roots);
    for (size_t i = 0; i < pools->chunk_count; i++) {
        struct address_range left = pool_chunk_contents(&search.view, pools, &pools->chunks[i]);
        struct capture_piece part;
        if (!pool_is_of_cycle(&pools->pools[pools->chunks[i].pool]))
            continue;
        while (capture_next_part(capture, &left, &part))
            for (uint64_t at = 0; at + WORD_BYTES <= range_bytes(part.range); at += WORD_BYTES)
                look_at(&search, address_add(part.range.start, at), part.data + at, range_bytes(part.range) - at);
    }
}
