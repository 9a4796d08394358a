#include "walk/pool_memory.h"

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
