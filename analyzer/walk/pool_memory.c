#include "walk/pool_memory.h"

#include <stdlib.h>

#include "locate/nginx_pool_header.h"

struct address_range pool_chunk_contents(struct memory_view *view, const struct nginx_pools *pools,
    const struct pool_chunk *chunk)
{
    const struct chunk whole = {chunk->range, true};
    struct malloc_block block;
    uint64_t last;
    if (!malloc_block_of(view, &whole, &block))
        return (struct address_range){0};
    if (chunk->is_large)
        return block.range;
    if (!view_u64(view, address_add(block.range.start, NGINX_POOL_LAST), &last) || last > block.range.end.value)
        return (struct address_range){0};
    bool is_first = address_equal(block.range.start, pools->pools[chunk->pool].address);
    return (struct address_range){
        address_add(block.range.start, is_first ? NGINX_POOL_BYTES : NGINX_POOL_BLOCK_BYTES),
        address(last),
    };
}

bool chunks_by_pool_make(const struct nginx_pools *pools, struct chunks_by_pool *lists)
{
    uint32_t *first = lists->first = calloc(pools->count + 2, sizeof(*first));
    lists->chunks = calloc(pools->chunk_count + 1, sizeof(*lists->chunks));
    if (!first || !lists->chunks)
        return false;
    /* first[p + 1] counts up from where the list of p starts to where it ends, which is where the next one starts. */
    for (size_t i = 0; i < pools->chunk_count; i++)
        first[pools->chunks[i].pool + 2]++;
    for (size_t i = 2; i < pools->count + 2; i++)
        first[i] += first[i - 1];
    for (size_t i = 0; i < pools->chunk_count; i++)
        lists->chunks[first[pools->chunks[i].pool + 1]++] = (uint32_t)i;
    return true;
}

void chunks_by_pool_free(struct chunks_by_pool *lists)
{
    free(lists->first);
    free(lists->chunks);
}
