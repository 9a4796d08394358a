#include "analyze/pool_owners.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyze/pool_contents.h"
#include "analyze/pool_holders.h"
#include "base/array.h"

enum { NAME_MAX = 256 };

static struct error *give_to_holders(const struct pool_holders *holders, struct nginx_pools *pools)
{
    uint32_t *rows = calloc(holders->count + 1, sizeof(*rows)); /* of each holder, plus 1; 0: none yet */
    struct error *error = rows ? NULL : error_no_memory();
    for (size_t i = 0; i < pools->count && !error; i++) {
        struct nginx_pool *pool = &pools->pools[i];
        uint32_t holder = pool->kind == POOL_UNOWNED ? pool_holders_of(holders, i) : REACH_NO_ROOT;
        if (holder == REACH_NO_ROOT)
            continue;
        pool->kind = POOL_MODULE;
        if (!rows[holder]) {
            char name[NAME_MAX];
            pool_holders_name(holders, holder, name, sizeof(name));
            error = nginx_pools_owner(pools, POOL_MODULE, name, &pool->owner);
            rows[holder] = pool->owner + 1;
        }
        pool->owner = rows[holder] - 1;
    }
    free(rows);
    return error;
}

struct unowned_pool {
    uint64_t first_block_bytes; /* all its blocks are as large as the first */
    uint32_t pool;
};

static int compare_unowned(const void *a, const void *b)
{
    const struct unowned_pool *left = a, *right = b;
    if (left->first_block_bytes != right->first_block_bytes)
        return left->first_block_bytes < right->first_block_bytes ? -1 : 1;
    return (left->pool > right->pool) - (left->pool < right->pool);
}

static struct error *unowned_row(struct nginx_pools *pools, uint64_t first_block_bytes, uint32_t *row)
{
    char name[NAME_MAX];
    snprintf(name, sizeof(name), "unowned, %" PRIu64 "-byte blocks", first_block_bytes);
    struct error *error = nginx_pools_owner(pools, POOL_UNOWNED, name, row);
    if (!error)
        pools->owners[*row].first_block_bytes = first_block_bytes;
    return error;
}

/* What nobody holds, in a row for each size of blocks: pools of one kind are made with one size. */
static struct error *group_unowned(struct nginx_pools *pools)
{
    struct unowned_pool *unowned = calloc(pools->count + 1, sizeof(*unowned));
    struct error *error = unowned ? NULL : error_no_memory();
    size_t count = 0;
    uint32_t row = 0;
    for (size_t i = 0; i < pools->count && !error; i++)
        if (pools->pools[i].kind == POOL_UNOWNED && pools->pools[i].blocks)
            unowned[count++] = (struct unowned_pool){
                pools->pools[i].block_bytes / pools->pools[i].blocks, (uint32_t)i,
            };
    if (count)
        qsort(unowned, count, sizeof(*unowned), compare_unowned);
    for (size_t i = 0; i < count && !error; i++) {
        if (i == 0 || unowned[i].first_block_bytes != unowned[i - 1].first_block_bytes)
            error = unowned_row(pools, unowned[i].first_block_bytes, &row);
        pools->pools[unowned[i].pool].owner = row;
    }
    free(unowned);
    return error;
}

struct error *pool_owners_find(const struct pool_owners_input *input, struct nginx_pools *pools)
{
    struct pool_holders holders = {0};
    struct error *error = pool_holders_find(input, pools, &holders);
    if (!error)
        error = give_to_holders(&holders, pools);
    pool_holders_free(&holders);
    if (!error)
        error = group_unowned(pools);
    if (!error)
        error = nginx_pools_sum(pools);
    return error ? error : pool_contents_describe(input->capture, input->names, pools);
}
