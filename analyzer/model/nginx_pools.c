#include "model/nginx_pools.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

const char *pool_kind_name(enum pool_kind kind)
{
    static const char *const names[POOL_KINDS] = {
        [POOL_UNOWNED] = "unowned", [POOL_REQUEST] = "request", [POOL_CONNECTION] = "connection",
        [POOL_MODULE] = "module",   [POOL_CYCLE] = "cycle",     [POOL_OLD_CYCLE] = "old cycle",
    };
    return names[kind];
}

struct error *nginx_pools_owner(struct nginx_pools *pools, enum pool_kind kind, const char *name, uint32_t *owner)
{
    for (size_t i = 0; i < pools->owner_count; i++)
        if (pools->owners[i].kind == kind && strcmp(pools->owners[i].name, name) == 0) {
            *owner = (uint32_t)i;
            return NULL;
        }
    char *copy = strdup(name);
    if (!copy || !array_reserve_one((void **)&pools->owners, &pools->owner_capacity, pools->owner_count,
                     sizeof(*pools->owners))) {
        free(copy);
        return error_no_memory();
    }
    *owner = (uint32_t)pools->owner_count++;
    pools->owners[*owner] = (struct pool_owner){.name = copy, .kind = kind};
    return NULL;
}

/* What is summed, as if no pool had been seen. */
static void clear_sums(struct pool_owner *owner)
{
    *owner = (struct pool_owner){
        .name = owner->name,
        .kind = owner->kind,
        .first_block_bytes = owner->first_block_bytes,
        .contents = owner->contents,
        .lowest = ADDRESS_NONE,
    };
}

static void add_to_sums(const struct nginx_pool *pool, struct pool_owner *owner)
{
    owner->pools++;
    owner->blocks += pool->blocks;
    owner->block_bytes += pool->block_bytes;
    owner->used_bytes += pool->used_bytes;
    owner->wasted_bytes += pool->wasted_bytes;
    owner->spare_bytes += pool->spare_bytes;
    owner->large += pool->large_count;
    owner->large_bytes += pool->large_bytes;
    if (pool->address.value < owner->lowest.value)
        owner->lowest = pool->address;
    if (pool->address.value > owner->highest.value)
        owner->highest = pool->address;
}

struct placed_owner {
    struct pool_owner owner;
    size_t place; /* before they were put in order */
};

static int compare_owners(const void *a, const void *b)
{
    const struct pool_owner *left = &((const struct placed_owner *)a)->owner;
    const struct pool_owner *right = &((const struct placed_owner *)b)->owner;
    if ((left->kind == POOL_UNOWNED) != (right->kind == POOL_UNOWNED))
        return left->kind == POOL_UNOWNED ? -1 : 1;
    uint64_t left_bytes = left->block_bytes + left->large_bytes, right_bytes = right->block_bytes + right->large_bytes;
    if (left_bytes != right_bytes)
        return left_bytes < right_bytes ? 1 : -1;
    return strcmp(left->name, right->name);
}

/* `new_places`: by the old ones. */
static void put_in_order(struct nginx_pools *pools, struct placed_owner *placed, uint32_t *new_places)
{
    size_t kept = 0;
    for (size_t i = 0; i < pools->owner_count; i++)
        placed[i] = (struct placed_owner){pools->owners[i], i};
    qsort(placed, pools->owner_count, sizeof(*placed), compare_owners);
    for (size_t i = 0; i < pools->owner_count; i++) {
        new_places[placed[i].place] = (uint32_t)kept;
        if (placed[i].owner.pools) {
            pools->owners[kept++] = placed[i].owner;
            continue;
        }
        free(placed[i].owner.name);
        free(placed[i].owner.contents);
    }
    pools->owner_count = kept;
    for (size_t i = 0; i < pools->count; i++)
        pools->pools[i].owner = new_places[pools->pools[i].owner];
}

struct error *nginx_pools_sum(struct nginx_pools *pools)
{
    struct placed_owner *placed = calloc(pools->owner_count + 1, sizeof(*placed));
    uint32_t *new_places = calloc(pools->owner_count + 1, sizeof(*new_places));
    bool done = placed && new_places;
    if (done) {
        for (size_t i = 0; i < pools->owner_count; i++)
            clear_sums(&pools->owners[i]);
        for (size_t i = 0; i < pools->count; i++)
            add_to_sums(&pools->pools[i], &pools->owners[pools->pools[i].owner]);
        put_in_order(pools, placed, new_places);
    }
    free(placed);
    free(new_places);
    return done ? NULL : error_no_memory();
}

void nginx_pools_forget_chunks(struct nginx_pools *pools)
{
    free(pools->chunks);
    free(pools->data);
    pools->chunks = NULL;
    pools->data = NULL;
    pools->chunk_count = pools->chunk_capacity = pools->data_count = pools->data_capacity = 0;
}

void nginx_pools_release(struct nginx_pools *pools)
{
    error_free(pools->damage);
    for (size_t i = 0; i < pools->owner_count; i++) {
        free(pools->owners[i].name);
        free(pools->owners[i].contents);
    }
    for (size_t i = 0; i < pools->name_count; i++)
        free(pools->names[i]);
    free(pools->pools);
    free(pools->owners);
    free(pools->large);
    free(pools->cleanups);
    free(pools->names);
    nginx_pools_forget_chunks(pools);
    *pools = (struct nginx_pools){0};
}
