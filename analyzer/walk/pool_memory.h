/*
 * What a pool of nginx has in use in one of its chunks of malloc: of a block what is behind its header, up to where the
 * pool gives out next; of a large block all.
 */
#ifndef RESPIRE_WALK_POOL_MEMORY_H
#define RESPIRE_WALK_POOL_MEMORY_H

#include "model/nginx_pools.h"
#include "target/memory_view.h"

/* Empty when it can't be read. */
struct address_range pool_chunk_contents(struct memory_view *view, const struct nginx_pools *pools,
    const struct pool_chunk *chunk);

#endif
