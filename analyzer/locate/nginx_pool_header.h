/*
 * Whether bytes are the start of an nginx pool (ngx_pool_t): nine words that must fit each other and the block of
 * malloc that they lie in.
 */
#ifndef RESPIRE_LOCATE_NGINX_POOL_HEADER_H
#define RESPIRE_LOCATE_NGINX_POOL_HEADER_H

#include <stdbool.h>

#include "layouts/nginx_layout.h"
#include "model/chunk_map.h"
#include "target/memory_view.h"

struct nginx_pool_header {
    uint64_t block_bytes; /* of each of its blocks */
    uint64_t last;        /* the next free byte of the first one */
    address_t next, current, large, cleanup;
};

/* What a program may use of a chunk of malloc that it has: malloc_usable_size() from the block's start. */
struct malloc_block {
    struct address_range range;
    uint64_t slack_bytes; /* malloc gives less than this for nothing; 0: where it ends is not known */
};

/* False: its size can't be read. */
bool malloc_block_of(struct memory_view *view, const struct chunk *chunk, struct malloc_block *block);

/* False: no pool starts where the block does. */
bool nginx_pool_header_read(struct memory_view *view, const struct malloc_block *block,
    struct nginx_pool_header *header);

#endif
