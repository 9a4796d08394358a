#include "analyze/pool_rows.h"

#include <stdlib.h>

static void add(const struct pool_owner *owner, struct pool_owner *sum)
{
    sum->pools += owner->pools;
    sum->blocks += owner->blocks;
    sum->block_bytes += owner->block_bytes;
    sum->used_bytes += owner->used_bytes;
    sum->wasted_bytes += owner->wasted_bytes;
    sum->spare_bytes += owner->spare_bytes;
    sum->large += owner->large;
    sum->large_bytes += owner->large_bytes;
}

struct ranked {
    uint64_t bytes;
    uint32_t pool;
    bool is_unowned;
};

static int compare(const void *a, const void *b)
{
    const struct ranked *left = a, *right = b;
    if (left->is_unowned != right->is_unowned)
        return left->is_unowned ? -1 : 1;
    if (left->bytes != right->bytes)
        return left->bytes < right->bytes ? 1 : -1;
    return (left->pool > right->pool) - (left->pool < right->pool);
}

static struct error *make_list(const struct nginx_pools *pools, size_t limit, struct pool_rows *rows)
{
    size_t count = pools->count < limit ? pools->count : limit;
    struct ranked *ranked = calloc(pools->count + 1, sizeof(*ranked));
    uint32_t *list = calloc(count + 1, sizeof(*list));
    if (!ranked || !list) {
        free(ranked);
        free(list);
        return error_no_memory();
    }
    for (size_t i = 0; i < pools->count; i++)
        ranked[i] = (struct ranked){
            pool_bytes(&pools->pools[i]), (uint32_t)i, pools->pools[i].kind == POOL_UNOWNED,
        };
    qsort(ranked, pools->count, sizeof(*ranked), compare);
    for (size_t i = 0; i < count; i++)
        list[i] = ranked[i].pool;
    free(ranked);
    rows->list = list;
    rows->list_count = count;
    return NULL;
}

struct error *pool_rows_make(const struct nginx_pools *pools, size_t owner_limit, size_t list_limit,
    struct pool_rows *rows)
{
    struct pool_rows made = {.owners = pools->owner_count < owner_limit ? pools->owner_count : owner_limit};
    made.other_owners = pools->owner_count - made.owners;
    for (size_t i = 0; i < pools->owner_count; i++) {
        add(&pools->owners[i], &made.kinds[pools->owners[i].kind]);
        add(&pools->owners[i], &made.whole);
        if (i >= made.owners)
            add(&pools->owners[i], &made.others);
    }
    struct error *error = list_limit ? make_list(pools, list_limit, &made) : NULL;
    if (!error)
        *rows = made;
    return error;
}

void pool_rows_free(struct pool_rows *rows)
{
    free(rows->list);
    *rows = (struct pool_rows){0};
}
