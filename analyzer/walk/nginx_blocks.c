/* Finds every pool among the used chunks of malloc, and goes through its blocks, large blocks and cleanup handlers. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/range_search.h"
#include "locate/nginx_pool_header.h"
#include "walk/nginx_walk.h"

enum { HANDLER_NAME_BYTES = 24 };

/* What was there before a candidate that proved to be no pool. */
struct mark {
    size_t large, cleanups, chunks;
};

#define ADD(pools, items, item_count, item_capacity)                                                             \
    (array_reserve_one((void **)&(pools)->items, &(pools)->item_capacity, (pools)->item_count,                   \
         sizeof(*(pools)->items))                                                                                \
        ? &(pools)->items[(pools)->item_count++]                                                                 \
        : NULL)

static struct error *add_chunk(struct nginx_walk *walk, struct address_range range, bool is_large)
{
    struct nginx_pools *pools = walk->pools;
    struct pool_chunk *added = ADD(pools, chunks, chunk_count, chunk_capacity);
    if (!added)
        return error_no_memory();
    *added = (struct pool_chunk){.range = range, .pool = (uint32_t)pools->count, .is_large = is_large};
    return NULL;
}

/* The used chunk whose block starts at `at`. */
static bool used_chunk_of(const struct nginx_walk *walk, address_t at, struct chunk *chunk)
{
    return chunk_map_at(walk->chunks, address_subtract(at, CHUNK_HEADER_BYTES), chunk) && chunk->used;
}

/* `*is_pool` becomes false where the blocks contradict the header. */
static struct error *walk_blocks(struct nginx_walk *walk, const struct nginx_pool_header *header,
    struct nginx_pool *pool, bool *is_pool)
{
    address_t at = header->next;
    struct error *error = NULL;
    bool looks_at = address_equal(header->current, pool->address);
    uint64_t tail = pool->address.value + header->block_bytes - header->last;
    pool->blocks = 1;
    pool->block_bytes = header->block_bytes;
    pool->header_bytes = NGINX_POOL_BYTES;
    pool->used_bytes = header->last - pool->address.value - NGINX_POOL_BYTES;
    *(looks_at ? &pool->spare_bytes : &pool->wasted_bytes) = tail;
    while (!address_is_null(at) && !error) {
        struct chunk chunk;
        const unsigned char *bytes = view_bytes(&walk->other_view, at, NGINX_POOL_BLOCK_BYTES);
        if (!bytes || pool->block_bytes > walk->view.capture->copied_bytes || !used_chunk_of(walk, at, &chunk))
            break;
        uint64_t last = field_u64(bytes, NGINX_POOL_LAST), end = field_u64(bytes, NGINX_POOL_END);
        if (end - at.value != header->block_bytes || last > end || last < at.value + NGINX_POOL_BLOCK_BYTES
            || end > chunk.range.end.value + sizeof(uint64_t))
            break;
        looks_at = looks_at || address_equal(header->current, at);
        pool->blocks++;
        pool->block_bytes += header->block_bytes;
        pool->header_bytes += NGINX_POOL_BLOCK_BYTES;
        pool->used_bytes += last - at.value - NGINX_POOL_BLOCK_BYTES;
        *(looks_at ? &pool->spare_bytes : &pool->wasted_bytes) += end - last;
        error = add_chunk(walk, chunk.range, false);
        at = address(field_u64(bytes, NGINX_POOL_NEXT));
    }
    *is_pool = address_is_null(at) && looks_at;
    return error;
}

static struct error *walk_large(struct nginx_walk *walk, address_t at, struct nginx_pool *pool, bool *is_pool)
{
    struct nginx_pools *pools = walk->pools;
    struct error *error = NULL;
    uint64_t nodes_max = pool->block_bytes / NGINX_LARGE_BYTES;
    pool->first_large = (uint32_t)pools->large_count;
    for (uint64_t nodes = 0; !address_is_null(at) && !error; nodes++) {
        const unsigned char *bytes = view_bytes(&walk->other_view, at, NGINX_LARGE_BYTES);
        if (!bytes || nodes == nodes_max)
            break;
        address_t block_at = address(field_u64(bytes, NGINX_LARGE_ADDRESS));
        at = address(field_u64(bytes, NGINX_LARGE_NEXT));
        if (address_is_null(block_at))
            continue;
        struct chunk chunk;
        struct malloc_block block;
        if (!used_chunk_of(walk, block_at, &chunk) || !malloc_block_of(&walk->other_view, &chunk, &block)) {
            *is_pool = false;
            return NULL;
        }
        struct large_block *added = ADD(pools, large, large_count, large_capacity);
        if (!added)
            return error_no_memory();
        *added = (struct large_block){block_at, range_bytes(block.range)};
        pool->large_count++;
        pool->large_bytes += added->bytes;
        error = add_chunk(walk, chunk.range, true);
    }
    *is_pool = address_is_null(at);
    return error;
}

/* Index in pools->names of a function. */
static struct error *name_of(struct nginx_walk *walk, address_t handler, uint32_t *index)
{
    struct nginx_pools *pools = walk->pools;
    char number[HANDLER_NAME_BYTES];
    for (size_t i = 0; i < walk->handlers.count; i++)
        if (address_equal(walk->handlers.items[i], handler)) {
            *index = (uint32_t)i;
            return NULL;
        }
    const char *known = walk->names ? function_name(walk->names, handler) : NULL;
    snprintf(number, sizeof(number), "0x%" PRIx64, handler.value);
    char *name = strdup(known ? known : number);
    char **added = name ? ADD(pools, names, name_count, name_capacity) : NULL;
    if (!added) {
        free(name);
        return error_no_memory();
    }
    *added = name;
    address_t *added_handler = ARRAY_ADD(&walk->handlers);
    if (!added_handler)
        return error_no_memory();
    *added_handler = handler;
    *index = (uint32_t)walk->handlers.count - 1;
    return NULL;
}

static struct error *add_cleanup(struct nginx_walk *walk, struct nginx_pool *pool, address_t handler)
{
    struct nginx_pools *pools = walk->pools;
    uint32_t name = 0;
    struct error *error = name_of(walk, handler, &name);
    if (error)
        return error;
    for (uint32_t i = 0; i < pool->cleanup_count; i++)
        if (pools->cleanups[pool->first_cleanup + i].name == name) {
            pools->cleanups[pool->first_cleanup + i].count++;
            return NULL;
        }
    struct cleanup_handler *added = ADD(pools, cleanups, cleanup_count, cleanup_capacity);
    if (!added)
        return error_no_memory();
    *added = (struct cleanup_handler){name, 1};
    pool->cleanup_count++;
    return NULL;
}

static struct error *walk_cleanups(struct nginx_walk *walk, address_t at, struct nginx_pool *pool, bool *is_pool)
{
    struct error *error = NULL;
    uint64_t nodes_max = pool->block_bytes / NGINX_CLEANUP_BYTES;
    pool->first_cleanup = (uint32_t)walk->pools->cleanup_count;
    for (uint64_t nodes = 0; !address_is_null(at) && !error; nodes++) {
        const unsigned char *bytes = view_bytes(&walk->other_view, at, NGINX_CLEANUP_BYTES);
        if (!bytes || nodes == nodes_max)
            break;
        address_t handler = address(field_u64(bytes, NGINX_CLEANUP_HANDLER));
        at = address(field_u64(bytes, NGINX_CLEANUP_NEXT));
        if (!address_is_null(handler)) /* one that was called off, or is not set yet */
            error = add_cleanup(walk, pool, handler);
    }
    *is_pool = address_is_null(at);
    return error;
}

static struct error *walk_pool(struct nginx_walk *walk, const struct chunk *chunk,
    const struct nginx_pool_header *header)
{
    struct nginx_pools *pools = walk->pools;
    const struct mark mark = {pools->large_count, pools->cleanup_count, pools->chunk_count};
    struct nginx_pool pool = {.address = address_add(chunk->range.start, CHUNK_HEADER_BYTES), .kind = POOL_UNOWNED};
    bool is_pool = true;
    struct error *error = add_chunk(walk, chunk->range, false);
    if (!error)
        error = walk_blocks(walk, header, &pool, &is_pool);
    if (!error && is_pool)
        error = walk_large(walk, header->large, &pool, &is_pool);
    if (!error && is_pool)
        error = walk_cleanups(walk, header->cleanup, &pool, &is_pool);
    if (error)
        return error;
    if (!is_pool) {
        pools->large_count = mark.large;
        pools->cleanup_count = mark.cleanups;
        pools->chunk_count = mark.chunks;
        return NULL;
    }
    struct nginx_pool *added = ADD(pools, pools, count, capacity);
    if (!added)
        return error_no_memory();
    *added = pool;
    walk->blocks_by_pools += pool.blocks + pool.large_count;
    return NULL;
}

struct error *nginx_blocks_walk(struct nginx_walk *walk)
{
    struct chunk_cursor cursor = {.map = walk->chunks};
    struct nginx_pools *pools = walk->pools;
    struct chunk chunk;
    struct error *error = NULL;
    while (!error && chunk_cursor_next(&cursor, &chunk)) {
        struct malloc_block block;
        struct nginx_pool_header header;
        if (chunk.used && range_bytes(chunk.range) >= CHUNK_HEADER_BYTES + NGINX_POOL_BYTES
            && malloc_block_of(&walk->view, &chunk, &block) && nginx_pool_header_read(&walk->view, &block, &header))
            error = walk_pool(walk, &chunk, &header);
    }
    if (!error)
        SORT_BY_START(pools->chunks, pools->chunk_count);
    return error;
}
