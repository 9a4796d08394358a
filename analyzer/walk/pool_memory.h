/*
 * The memory of nginx's pools: what a pool has in use in one of its chunks of malloc, and which chunks it has.
 */
#ifndef RESPIRE_WALK_POOL_MEMORY_H
#define RESPIRE_WALK_POOL_MEMORY_H

#include "model/nginx_pools.h"
#include "target/memory_view.h"

/*
 * Of a block what is behind its header, up to where the pool gives out next; of a large block all. Empty when it can't
 * be read.
 */
struct address_range pool_chunk_contents(struct memory_view *view, const struct nginx_pools *pools,
    const struct pool_chunk *chunk);

/* nginx_pools.chunks, listed by pool. */
struct chunks_by_pool {
    uint32_t *first;  /* of each pool, in `chunks`; one more at the end; owned */
    uint32_t *chunks; /* indexes of nginx_pools.chunks; owned */
};

/* False: no memory. `lists` is zeroed; free it in any case. */
bool chunks_by_pool_make(const struct nginx_pools *pools, struct chunks_by_pool *lists);

void chunks_by_pool_free(struct chunks_by_pool *lists);

#endif
