/*
 * Owns blocks that malloc gave a mapping of their own. Nothing points to them; they are found at the starts of pages of
 * anonymous memory, by a header that says that it fills whole pages, and must then be as many, and as large, as mp_
 * counts.
 */
#include "base/array.h"
#include "base/range_search.h"
#include "base/size.h"
#include "walk/glibc_walk.h"

enum {
    ALIGNMENT_MIN = 64,      /* of blocks that don't start where their mapping does */
    PAGE_LOOKS_MAX = 1 << 26, /* at ends of pages, for headers of aligned blocks */
};

/* A single block in a mapping: its header, and all of the mapping. */
struct mapped_block {
    address_t header;
    struct address_range mapping;
};

/* The heap of brk and stacks are never a single block's. */
static bool may_have_blocks(const struct mapping *mapping)
{
    return glibc_may_have(mapping)
        && (!mapping->path || mapping->path[0] == '/' || strncmp(mapping->path, "[anon", 5) == 0);
}

/* The header at `at` of a block whose mapping goes from `start` to `end`. */
static bool read_header(struct glibc_walk *walk, uint64_t at, uint64_t start, uint64_t *end)
{
    const unsigned char *chunk = view_bytes(&walk->view, address(at), GLIBC_CHUNK_BLOCK);
    if (!chunk || (field_u64(chunk, GLIBC_CHUNK_FOOT) & ~(uint64_t)GLIBC_MAPPED_HUGE) != at - start)
        return false;
    uint64_t head = field_u64(chunk, GLIBC_CHUNK_HEAD);
    *end = at + (head & ~(uint64_t)GLIBC_CHUNK_FLAGS) + walk->layout->mapped_tail;
    return (head & GLIBC_CHUNK_FLAGS) == GLIBC_CHUNK_MAPPED && *end > at && *end % walk->page_bytes == 0;
}

/* The end of a page of [start, limit) can hold the header of a block that is aligned to pages. */
static bool find_behind_pages(struct glibc_walk *walk, uint64_t start, uint64_t limit, uint64_t *at, uint64_t *end)
{
    const struct capture *capture = walk->capture;
    size_t i = FIRST_ENDING_BEHIND(capture->pieces, capture->piece_count, address(start));
    for (; i < capture->piece_count && capture->pieces[i].range.start.value < limit; i++) {
        struct address_range piece = capture->pieces[i].range;
        *at = size_max(start, piece.start.value) + walk->page_bytes - GLIBC_CHUNK_BLOCK;
        for (; *at < size_min(limit, piece.end.value); *at += walk->page_bytes)
            if (walk->page_looks++ > PAGE_LOOKS_MAX || read_header(walk, *at, start, end))
                return walk->page_looks <= PAGE_LOOKS_MAX;
    }
    return false;
}

/*
 * A block that must be aligned starts further behind, so that its own bytes start at a power of two in the first page,
 * or at a later page. The header that it had before its alignment stays at the mapping's start, and is wrong once the
 * block has been resized.
 */
static bool find_aligned(struct glibc_walk *walk, uint64_t start, uint64_t limit, uint64_t *at, uint64_t *end)
{
    for (uint64_t alignment = ALIGNMENT_MIN; alignment < walk->page_bytes; alignment *= 2) {
        *at = start + alignment - GLIBC_CHUNK_BLOCK;
        if (read_header(walk, *at, start, end))
            return true;
    }
    return find_behind_pages(walk, start, limit, at, end);
}

static bool find_block(struct glibc_walk *walk, uint64_t start, uint64_t limit, struct mapped_block *block)
{
    uint64_t at = start, end, aligned_end;
    if (!read_header(walk, start, start, &end))
        return false;
    if (find_aligned(walk, start, size_min(end, limit), &at, &aligned_end))
        end = aligned_end;
    else
        at = start;
    *block = (struct mapped_block){address(at), {address(start), address(end)}};
    return end <= limit;
}

static struct error *add_block(struct glibc_walk *walk, const struct mapped_block *block)
{
    struct glibc_heap *heap = walk->heap;
    struct address_range range = block->mapping;
    struct chunk_region *region;
    struct error *error = chunk_map_add_region(&heap->chunks, range, &region);
    if (error)
        return error;
    chunk_region_add(region, block->header, true);
    heap->mapped.count++;
    heap->mapped.bytes += range_bytes(range);
    return NULL;
}

/* Look at each page of the range that is in memory and that no block covers. */
static struct error *look_through(struct glibc_walk *walk, uint64_t start, uint64_t end)
{
    const struct capture *capture = walk->capture;
    size_t i = FIRST_ENDING_BEHIND(capture->pieces, capture->piece_count, address(start));
    for (uint64_t page = start; i < capture->piece_count && capture->pieces[i].range.start.value < end; i++) {
        struct address_range piece = capture->pieces[i].range;
        page = size_max(page, piece.start.value);
        while (page < size_min(piece.end.value, end)) {
            struct mapped_block block;
            if (!find_block(walk, page, end, &block)) {
                page += walk->page_bytes;
                continue;
            }
            struct error *error = add_block(walk, &block);
            if (error)
                return error;
            page = block.mapping.end.value;
        }
    }
    return NULL;
}

/* What no arena has of a range. */
static struct error *look_beside_arenas(struct glibc_walk *walk, struct address_range range)
{
    uint64_t from = range.start.value;
    size_t i = FIRST_ENDING_BEHIND(walk->stretches.items, walk->stretches.count, range.start);
    for (; i < walk->stretches.count && walk->stretches.items[i].range.start.value < range.end.value; i++) {
        struct address_range taken = walk->stretches.items[i].range;
        struct error *error = look_through(walk, from, taken.start.value);
        if (error)
            return error;
        from = round_up(taken.end.value, walk->page_bytes);
    }
    return look_through(walk, from, range.end.value);
}

/* Neighbours are looked through as one: madvise() or mprotect() on a part of a block splits its mapping. */
struct error *glibc_walk_mapped(struct glibc_walk *walk)
{
    const struct mappings *mappings = &walk->capture->mappings;
    struct error *error = NULL;
    for (size_t i = 0; i < mappings->count && !error;) {
        if (!may_have_blocks(&mappings->items[i])) {
            i++;
            continue;
        }
        struct address_range run = mappings->items[i++].range;
        for (; i < mappings->count && may_have_blocks(&mappings->items[i])
             && address_equal(mappings->items[i].range.start, run.end); i++)
            run.end = mappings->items[i].range.end;
        error = look_beside_arenas(walk, run);
    }
    return error ? error : chunk_map_seal(&walk->heap->chunks);
}
