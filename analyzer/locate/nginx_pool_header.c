#include "locate/nginx_pool_header.h"

#include "base/size.h"

enum {
    WORD_BYTES = 8,
    CHUNK_HEAD = 8, /* malloc's: size and flags */
    CHUNK_FLAGS = 15,
    CHUNK_MAPPED = 2,
    CHUNK_BYTES_MIN = 32,
};

/*
 * The first word behind a chunk is its own as long as it is in use. Behind a mapping there is none: up to glibc 2.42
 * the chunk ends with it.
 */
bool malloc_block_of(struct memory_view *view, const struct chunk *chunk, struct malloc_block *block)
{
    uint64_t head, page_bytes = view->capture->page_bytes;
    if (!view_u64(view, address_add(chunk->range.start, CHUNK_HEAD), &head))
        return false;
    address_t end = address_add(chunk->range.start, head & ~(uint64_t)CHUNK_FLAGS);
    bool is_mapped = head & CHUNK_MAPPED;
    if (!is_mapped || end.value % page_bytes)
        end = address_add(end, WORD_BYTES);
    block->range = (struct address_range){address_add(chunk->range.start, CHUNK_HEADER_BYTES), end};
    block->slack_bytes = is_mapped ? page_bytes + CHUNK_BYTES_MIN : CHUNK_BYTES_MIN;
    return true;
}

static bool is_place(struct memory_view *view, uint64_t word)
{
    return word == 0 || view_bytes(view, address(word), WORD_BYTES);
}

bool nginx_pool_header_read(struct memory_view *view, const struct malloc_block *block,
    struct nginx_pool_header *header)
{
    const unsigned char *bytes = view_bytes(view, block->range.start, NGINX_POOL_BYTES);
    if (!bytes || range_bytes(block->range) < NGINX_POOL_BYTES)
        return false;
    uint64_t start = block->range.start.value, last = field_u64(bytes, NGINX_POOL_LAST);
    uint64_t end = field_u64(bytes, NGINX_POOL_END);
    if (last < start + NGINX_POOL_BYTES || last > end || end > block->range.end.value
        || (block->slack_bytes && block->range.end.value - end >= block->slack_bytes))
        return false;
    uint64_t room = end - start - NGINX_POOL_BYTES;
    if (field_u64(bytes, NGINX_POOL_MAX) != size_min(room, NGINX_POOL_MAX_LIMIT))
        return false;
    *header = (struct nginx_pool_header){
        .block_bytes = end - start,
        .last = last,
        .next = address(field_u64(bytes, NGINX_POOL_NEXT)),
        .current = address(field_u64(bytes, NGINX_POOL_CURRENT)),
        .large = address(field_u64(bytes, NGINX_POOL_LARGE)),
        .cleanup = address(field_u64(bytes, NGINX_POOL_CLEANUP)),
    };
    return !address_is_null(header->current) && is_place(view, header->next.value)
        && is_place(view, header->current.value) && is_place(view, header->large.value)
        && is_place(view, header->cleanup.value) && is_place(view, field_u64(bytes, NGINX_POOL_CHAIN))
        && is_place(view, field_u64(bytes, NGINX_POOL_LOG));
}
