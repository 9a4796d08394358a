/*
 * Owns blocks that malloc gave a mapping of their own. Nothing points to them; they are found at the starts of pages of
 * anonymous memory, by a header that says that it fills whole pages, and must then be as many, and as large, as mp_
 * counts.
 */
#include "base/array.h"
#include "base/range_search.h"
#include "base/size.h"
#include "walk/glibc_walk.h"

/* A block with an alignment of its own starts further behind: its header is just before a multiple of that. */
enum { ALIGNMENT_MIN = 64 };

static bool is_anonymous(const struct mapping *mapping)
{
    return mapping->writable && !mapping->shared && !mapping_has_file(mapping)
        && (!mapping->path || strncmp(mapping->path, "[anon", 5) == 0);
}

/* The chunk whose header is `offset` behind the start of a mapping at `start`, all of it within `end`. */
static bool read_mapped(struct glibc_walk *walk, uint64_t start, uint64_t offset, address_t end, uint64_t *bytes)
{
    const unsigned char *chunk = view_bytes(&walk->view, address(start + offset), GLIBC_CHUNK_BLOCK);
    if (!chunk || field_u64(chunk, GLIBC_CHUNK_FOOT) != offset)
        return false;
    uint64_t head = field_u64(chunk, GLIBC_CHUNK_HEAD);
    uint64_t whole = (head & ~(uint64_t)GLIBC_CHUNK_FLAGS) + walk->layout->mapped_tail;
    if ((head & GLIBC_CHUNK_FLAGS) != GLIBC_CHUNK_MAPPED || whole > end.value - start - offset
        || whole < GLIBC_CHUNK_MINIMUM || (whole + offset) % walk->page_bytes)
        return false;
    *bytes = whole + offset;
    return true;
}

/* A mapping of a single block at `start`; its bytes. */
static bool find_mapped(struct glibc_walk *walk, uint64_t start, address_t end, uint64_t *offset, uint64_t *bytes)
{
    *offset = 0;
    if (read_mapped(walk, start, 0, end, bytes))
        return true;
    for (uint64_t alignment = ALIGNMENT_MIN; alignment < end.value - start; alignment *= 2) {
        *offset = alignment - GLIBC_CHUNK_BLOCK;
        if (read_mapped(walk, start, *offset, end, bytes))
            return true;
    }
    return false;
}

static struct error *add_mapped(struct glibc_walk *walk, struct address_range range, uint64_t offset)
{
    struct glibc_heap *heap = walk->heap;
    struct chunk_region *region;
    struct error *error = chunk_map_add_region(&heap->chunks, range, &region);
    if (error)
        return error;
    chunk_region_add(region, address_add(range.start, offset), true);
    heap->mapped.count++;
    heap->mapped.bytes += range_bytes(range);
    struct heap_region *pages;
    error = heap_add_region(&heap->pages, range, walk->page_bytes, &pages);
    if (!error)
        heap_region_mark(pages, walk->page_bytes, range.start, range_bytes(range), PAGE_USE_LIVE);
    heap->pages.direct_maps++;
    return error;
}

/* Look at each page of [start, end) that no block covers. */
static struct error *look_through(struct glibc_walk *walk, uint64_t start, address_t end)
{
    while (start < end.value) {
        uint64_t offset, bytes;
        if (!view_bytes(&walk->view, address(start), GLIBC_CHUNK_BLOCK)) {
            const struct capture *capture = walk->capture;
            size_t next = FIRST_ENDING_BEHIND(capture->pieces, capture->piece_count, address(start));
            if (next == capture->piece_count)
                return NULL;
            start = size_max(capture->pieces[next].range.start.value, start + walk->page_bytes);
        } else if (find_mapped(walk, start, end, &offset, &bytes)) {
            struct error *error = add_mapped(walk, (struct address_range){address(start), address(start + bytes)},
                offset);
            if (error)
                return error;
            start += bytes;
        } else {
            start += walk->page_bytes;
        }
    }
    return NULL;
}

/* The parts of a mapping that no arena has. */
static struct error *look_beside_arenas(struct glibc_walk *walk, struct address_range range)
{
    uint64_t from = range.start.value;
    size_t i = FIRST_ENDING_BEHIND(walk->stretches.items, walk->stretches.count, range.start);
    for (; i < walk->stretches.count && walk->stretches.items[i].range.start.value < range.end.value; i++) {
        struct address_range taken = walk->stretches.items[i].range;
        struct error *error = taken.start.value > from ? look_through(walk, from, taken.start) : NULL;
        if (error)
            return error;
        from = round_up(taken.end.value, walk->page_bytes);
    }
    return from < range.end.value ? look_through(walk, from, range.end) : NULL;
}

struct error *glibc_walk_mapped(struct glibc_walk *walk)
{
    struct error *error = NULL;
    for (size_t i = 0; i < walk->capture->mappings.count && !error; i++)
        if (is_anonymous(&walk->capture->mappings.items[i]))
            error = look_beside_arenas(walk, walk->capture->mappings.items[i].range);
    return error ? error : chunk_map_seal(&walk->heap->chunks);
}
