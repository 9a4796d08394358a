/* The section of nginx's pools. What refers to a place in a list is told behind that list, and held against it. */
#include "snapshot/parts.h"

static void names_visit(struct codec *codec, struct nginx_pools *pools)
{
    CODEC_ITEMS(codec, pools->names, pools->name_count, pools->name_capacity, 2);
    for (size_t i = 0; i < pools->name_count && !codec->error; i++)
        codec_needed_text(codec, &pools->names[i]);
}

static void owner_visit(struct codec *codec, struct pool_owner *owner)
{
    codec_needed_text(codec, &owner->name);
    CODEC_NUMBER(codec, owner->kind, POOL_KINDS - 1);
    uint64_t *const sums[] = {&owner->pools, &owner->blocks, &owner->block_bytes, &owner->used_bytes,
        &owner->wasted_bytes, &owner->spare_bytes, &owner->large, &owner->large_bytes, &owner->first_block_bytes};
    for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++)
        codec_number(codec, sums[i], UINT64_MAX);
    codec_owned_text(codec, &owner->contents);
    codec_address(codec, &owner->lowest);
    codec_address(codec, &owner->highest);
}

static void larges_visit(struct codec *codec, struct nginx_pools *pools)
{
    CODEC_ITEMS(codec, pools->large, pools->large_count, pools->large_capacity, 2);
    for (size_t i = 0; i < pools->large_count && !codec->error; i++) {
        codec_address(codec, &pools->large[i].address);
        CODEC_NUMBER(codec, pools->large[i].bytes, UINT64_MAX);
    }
}

static void cleanups_visit(struct codec *codec, struct nginx_pools *pools)
{
    CODEC_ITEMS(codec, pools->cleanups, pools->cleanup_count, pools->cleanup_capacity, 2);
    for (size_t i = 0; i < pools->cleanup_count && !codec->error; i++) {
        CODEC_NUMBER(codec, pools->cleanups[i].name, UINT32_MAX);
        CODEC_NUMBER(codec, pools->cleanups[i].count, UINT32_MAX);
        if (pools->cleanups[i].name >= pools->name_count)
            codec_fail(codec, "a cleanup handler has a name that is none");
    }
}

static void request_visit(struct codec *codec, struct pool_request *request, struct process *process)
{
    CODEC_NUMBER(codec, request->uri_bytes, UINT64_MAX);
    codec_kept_text(codec, &request->state, &process->texts);
    codec_kept_text(codec, &request->phase, &process->texts);
}

/* A stretch of a list of `whole` items. */
static void stretch_visit(struct codec *codec, uint32_t *first, uint32_t *count, size_t whole)
{
    CODEC_NUMBER(codec, *first, whole);
    CODEC_NUMBER(codec, *count, whole - *first);
}

static void pool_visit(struct codec *codec, struct nginx_pool *pool, const struct nginx_pools *pools,
    struct process *process)
{
    codec_address(codec, &pool->address);
    CODEC_NUMBER(codec, pool->kind, POOL_KINDS - 1);
    CODEC_NUMBER(codec, pool->owner, UINT32_MAX);
    if (pool->owner >= pools->owner_count)
        codec_fail(codec, "a pool has an owner that is none");
    uint64_t *const sizes[] = {&pool->blocks, &pool->block_bytes, &pool->header_bytes, &pool->used_bytes,
        &pool->wasted_bytes, &pool->spare_bytes, &pool->large_bytes};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        codec_number(codec, sizes[i], UINT64_MAX);
    stretch_visit(codec, &pool->first_large, &pool->large_count, pools->large_count);
    stretch_visit(codec, &pool->first_cleanup, &pool->cleanup_count, pools->cleanup_count);
    if (pool->kind == POOL_REQUEST)
        request_visit(codec, &pool->request, process);
}

void pools_part_visit(struct codec *codec, struct snapshot_subject *subject)
{
    struct process *process = subject->process;
    struct nginx_pools *pools = &process->pools;
    process->has_pools = true;
    codec_kept_text(codec, &pools->layout, &process->texts);
    damage_visit(codec, &pools->damage, process);
    names_visit(codec, pools);
    CODEC_ITEMS(codec, pools->owners, pools->owner_count, pools->owner_capacity, 14);
    for (size_t i = 0; i < pools->owner_count && !codec->error; i++)
        owner_visit(codec, &pools->owners[i]);
    larges_visit(codec, pools);
    cleanups_visit(codec, pools);
    CODEC_ITEMS(codec, pools->pools, pools->count, pools->capacity, 14);
    for (size_t i = 0; i < pools->count && !codec->error; i++)
        pool_visit(codec, &pools->pools[i], pools, process);
    CODEC_NUMBER(codec, pools->connection_slots, UINT64_MAX);
    CODEC_NUMBER(codec, pools->connections_in_use, UINT64_MAX);
    CODEC_NUMBER(codec, pools->data_bytes, UINT64_MAX);
    checks_visit(codec, &pools->checks, process);
}
