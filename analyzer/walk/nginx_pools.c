#include "walk/nginx_pools.h"


#include "base/array.h"
#include "base/range_search.h"
#include "walk/nginx_walk.h"

struct nginx_pool *nginx_pool_at(const struct nginx_pools *pools, address_t address)
{
    size_t low = 0, high = pools->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (pools->pools[middle].address.value < address.value)
            low = middle + 1;
        else
            high = middle;
    }
    return low < pools->count && address_equal(pools->pools[low].address, address) ? &pools->pools[low] : NULL;
}

struct error *nginx_pool_claim(struct nginx_pools *pools, struct nginx_pool *pool, enum pool_kind kind,
    const char *name)
{
    pool->kind = kind;
    return nginx_pools_owner(pools, kind, name, &pool->owner);
}

static struct error *claim_cycle(struct nginx_walk *walk, address_t cycle, enum pool_kind kind, uint64_t *claimed)
{
    struct nginx_pool *pool = nginx_pool_at(walk->pools, address_subtract(cycle, NGINX_POOL_BYTES));
    if (!pool)
        return NULL;
    ++*claimed;
    return nginx_pool_claim(walk->pools, pool, kind, kind == POOL_CYCLE ? "cycle" : "old cycles");
}

static struct error *claim_cycles(struct nginx_walk *walk)
{
    const struct nginx_site *site = walk->site;
    uint64_t claimed = 0;
    struct error *error = claim_cycle(walk, site->cycle, POOL_CYCLE, &claimed);
    for (size_t i = 0; i < site->old_cycle_count && !error; i++)
        error = claim_cycle(walk, site->old_cycles[i], POOL_OLD_CYCLE, &claimed);
    checks_add(&walk->pools->checks, "cycles have pools", 1 + site->old_cycle_count, claimed);
    return error;
}

/* Arrays that each cycle has beside its pool; cycles may share them. */
static struct error *note_array(struct nginx_walk *walk, address_t cycle, uint16_t offset)
{
    struct nginx_pools *pools = walk->pools;
    struct chunk chunk;
    uint64_t array;
    if (!view_u64(&walk->other_view, address_add(cycle, offset), &array)
        || !chunk_map_at(walk->chunks, address_subtract(address(array), CHUNK_HEADER_BYTES), &chunk) || !chunk.used)
        return NULL;
    for (size_t i = 0; i < pools->data_count; i++)
        if (address_equal(pools->data[i].start, chunk.range.start))
            return NULL;
    if (!array_reserve_one((void **)&pools->data, &pools->data_capacity, pools->data_count, sizeof(*pools->data)))
        return error_no_memory();
    pools->data[pools->data_count++] = chunk.range;
    pools->data_bytes += range_bytes(chunk.range);
    return NULL;
}

static struct error *note_arrays(struct nginx_walk *walk)
{
    const struct nginx_site *site = walk->site;
    const struct nginx_cycle_layout *layout = site->layout.cycle;
    const uint16_t offsets[] = {layout->connections, layout->read_events, layout->write_events};
    struct error *error = NULL;
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]) && !error; i++) {
        error = note_array(walk, site->cycle, offsets[i]);
        for (size_t k = 0; k < site->old_cycle_count && !error; k++)
            error = note_array(walk, site->old_cycles[k], offsets[i]);
    }
    SORT_BY_START(walk->pools->data, walk->pools->data_count);
    return error;
}

/* What nobody has claimed is unowned until somebody looks for its owner. */
static struct error *claim_the_rest(struct nginx_pools *pools)
{
    uint32_t unowned = 0;
    struct error *error = nginx_pools_owner(pools, POOL_UNOWNED, "unowned", &unowned);
    for (size_t i = 0; i < pools->count && !error; i++)
        if (pools->pools[i].kind == POOL_UNOWNED)
            pools->pools[i].owner = unowned;
    return error ? error : nginx_pools_sum(pools);
}

static void add_checks(struct nginx_walk *walk)
{
    struct nginx_pools *pools = walk->pools;
    uint64_t distinct = 0, block_bytes = 0, parts = 0;
    for (size_t i = 0; i < pools->chunk_count; i++)
        distinct += i == 0 || !address_equal(pools->chunks[i].range.start, pools->chunks[i - 1].range.start);
    for (size_t i = 0; i < pools->count; i++) {
        const struct nginx_pool *pool = &pools->pools[i];
        block_bytes += pool->block_bytes;
        parts += pool->header_bytes + pool->used_bytes + pool->wasted_bytes + pool->spare_bytes;
    }
    checks_add(&pools->checks, "no block in two pools", walk->blocks_by_pools, distinct);
    checks_add(&pools->checks, "header + used + wasted + spare = blocks", block_bytes, parts);
    checks_add(&pools->checks, "pools of connections that are none", 0, walk->stray_connections);
    checks_add(&pools->checks, "requests on free connections", 0, walk->stray_requests);
}

static struct error *walk_parts(struct nginx_walk *walk)
{
    struct error *error = nginx_blocks_walk(walk);
    if (!error)
        error = claim_cycles(walk);
    if (!error)
        error = note_arrays(walk);
    if (!error)
        error = nginx_connections_walk(walk);
    if (!error)
        error = nginx_requests_walk(walk);
    if (!error)
        error = claim_the_rest(walk->pools);
    if (error)
        return error;
    add_checks(walk);
    return checks_error(&walk->pools->checks);
}

struct error *nginx_pools_walk(const struct capture *capture, const struct nginx_site *site,
    const struct glibc_heap *heap, struct function_names *names, struct nginx_pools *pools)
{
    struct nginx_walk walk = {
        .site = site, .chunks = &heap->chunks, .names = names, .pools = pools,
        .view = view_of(capture), .other_view = view_of(capture),
    };
    struct error *error = NULL;
    pools->layout = site->layout.cycle->name;
    if (heap->damage)
        pools->damage = error_new(ERROR_NOT_UNDERSTOOD, "its malloc was not understood: %s", error_text(heap->damage));
    else if (!heap->layout)
        pools->damage = error_new(ERROR_NOT_UNDERSTOOD,
            "its malloc is not glibc's, and only among chunks of that one are pools found");
    else
        error = walk_parts(&walk);
    nginx_connections_free(&walk);
    ARRAY_FREE(&walk.handlers);
    if (error && error_kind(error) == ERROR_NOT_UNDERSTOOD) {
        pools->damage = error;
        error = NULL;
    }
    return error;
}
