/*
 * Reads the target through a small window, which only looks at pages that are present: a page's first words, or the
 * heads of chunks one after the other. It ends where something does not fit: what it has not seen is copied.
 */
#include "locate/malloc_spares.h"

#include <stdlib.h>

#include "base/size.h"
#include "layouts/choose_nginx_layout.h"
#include "layouts/glibc_malloc_layout.h"
#include "target/memory_view.h"

enum {
    WINDOW_BYTES = 64 << 10,
    LARGE_BYTES = 64 << 10,     /* from here on, a hole in the copy is worth the trouble */
    DENSE_BYTES = 32 << 20,     /* a heap that after so many bytes has little of them is copied as a whole */
    DENSE_SHARE = 8,            /* less than this part of it */
    FREE_KEPT_BYTES = 1 << 20,  /* of a free chunk: from its start, new ones are cut off at any time */
};

struct survey {
    struct target *target;
    struct capture_spares *spares;
    uint64_t page_bytes;
    bool for_pools;
    struct presence presence;   /* of the mapping that is looked at */
    struct address_range range; /* what `window` holds */
    unsigned char window[WINDOW_BYTES];
};

/* The bytes at `at`, less than a window; NULL: not all of them are there. */
static const unsigned char *read_at(struct survey *survey, uint64_t at, uint64_t bytes)
{
    if (range_holds(survey->range, address(at), bytes))
        return survey->window + (at - survey->range.start.value);
    size_t i = presence_first(&survey->presence, address(at));
    if (i == survey->presence.count)
        return NULL;
    const struct page_run *run = &survey->presence.items[i];
    if (run->range.start.value > at || run->state != PAGE_ANONYMOUS)
        return NULL;
    uint64_t start = round_down(at, survey->page_bytes);
    uint64_t end = size_min(start + WINDOW_BYTES, run->range.end.value);
    survey->range = (struct address_range){0};
    struct error *error = target_read(survey->target, address(start), survey->window, end - start);
    if (error) {
        error_free(error);
        return NULL;
    }
    survey->range = (struct address_range){address(start), address(end)};
    return range_holds(survey->range, address(at), bytes) ? survey->window + (at - start) : NULL;
}

/* Neighbours become one. */
static struct error *add_range(struct address_ranges *ranges, struct address_range range)
{
    struct address_range *last = ranges->count ? &ranges->items[ranges->count - 1] : NULL;
    if (!last || !address_equal(last->end, range.start))
        return address_ranges_add(ranges, range);
    last->end = range.end;
    return NULL;
}

static struct error *leave_out(struct survey *survey, uint64_t start, uint64_t end)
{
    struct address_ranges *left_out = &survey->spares->left_out;
    if (start >= end)
        return NULL;
    struct address_range range = {address(start), address(end)};
    return add_range(left_out, range);
}

static bool is_head(uint64_t head, uint64_t at, uint64_t end)
{
    uint64_t bytes = head & ~(uint64_t)GLIBC_CHUNK_FLAGS;
    return bytes >= GLIBC_CHUNK_MINIMUM && !(head & GLIBC_CHUNK_IMPOSSIBLE) && bytes <= end - at;
}

/* nginx's connections change all the time, and the walk of its pools starts from them. */
static bool is_needed(struct survey *survey, uint64_t chunk)
{
    uint64_t block = chunk + GLIBC_CHUNK_BLOCK;
    const unsigned char *bytes = survey->for_pools ? read_at(survey, block, NGINX_TWO_CONNECTIONS_BYTES) : NULL;
    return bytes && nginx_is_connections(bytes);
}

/* The chunk before `next`; a heap's last one is its top, and free. */
static bool is_used(struct survey *survey, uint64_t next, uint64_t end)
{
    const unsigned char *chunk = next < end ? read_at(survey, next + GLIBC_CHUNK_HEAD, 8) : NULL;
    return chunk && field_u64(chunk, 0) & GLIBC_CHUNK_PREVIOUS_USED;
}

/* From chunk to chunk, from `at` on: the inside of large ones is left out. */
static struct error *survey_chunks(struct survey *survey, uint64_t at, uint64_t end)
{
    struct capture_spares *spares = survey->spares;
    size_t left_out = spares->left_out.count;
    uint64_t page_bytes = survey->page_bytes, start = at, large = 0;
    struct error *error = NULL;
    while (at < end && !error) {
        const unsigned char *chunk = read_at(survey, at + GLIBC_CHUNK_HEAD, 8);
        if (!chunk || !is_head(field_u64(chunk, 0), at, end))
            break;
        uint64_t bytes = field_u64(chunk, 0) & ~(uint64_t)GLIBC_CHUNK_FLAGS;
        if (bytes >= LARGE_BYTES && !is_needed(survey, at)) {
            uint64_t kept = is_used(survey, at + bytes, end) ? GLIBC_CHUNK_LINKS : FREE_KEPT_BYTES;
            large += bytes;
            error = leave_out(survey, round_up(at + kept, page_bytes), round_down(at + bytes, page_bytes));
        }
        at += bytes;
        if (at - start > DENSE_BYTES && large < (at - start) / DENSE_SHARE) {
            spares->left_out.count = left_out;
            break;
        }
    }
    return error;
}

/* Where the first chunk of an arena's heap is, in whatever layout fits; 0: this is none. */
static uint64_t first_chunk(struct survey *survey, struct address_range heap)
{
    uint64_t start = heap.start.value;
    const unsigned char *header = read_at(survey, start, GLIBC_HEAP_SIZE + 8);
    if (start % GLIBC_HEAP_ALIGNMENT || !header || field_u64(header, GLIBC_HEAP_SIZE) != range_bytes(heap))
        return 0;
    uint64_t arena = field_u64(header, GLIBC_HEAP_ARENA);
    for (size_t i = 0; i < glibc_malloc_layout_count; i++) {
        const struct glibc_malloc_layout *layout = &glibc_malloc_layouts[i];
        uint64_t bytes = layout->heap_bytes;
        if (arena == start + bytes)
            bytes += layout->bins + GLIBC_BINS_END;
        uint64_t at = start + round_up(bytes, GLIBC_CHUNK_BLOCK);
        const unsigned char *chunk = read_at(survey, at + GLIBC_CHUNK_HEAD, 8);
        if (!chunk || !is_head(field_u64(chunk, 0), at, heap.end.value))
            continue;
        uint64_t next = at + (field_u64(chunk, 0) & ~(uint64_t)GLIBC_CHUNK_FLAGS);
        const unsigned char *behind = next < heap.end.value ? read_at(survey, next + GLIBC_CHUNK_HEAD, 8) : NULL;
        if (behind && is_head(field_u64(behind, 0), next, heap.end.value))
            return at;
    }
    return 0;
}

/* The bytes of the mapping of a single block whose header is at `at`; 0: there is none. */
static uint64_t mapped_bytes(struct survey *survey, uint64_t at, uint64_t end)
{
    const unsigned char *chunk = read_at(survey, at, GLIBC_CHUNK_BLOCK);
    if (!chunk || field_u64(chunk, GLIBC_CHUNK_FOOT) != 0)
        return 0;
    uint64_t head = field_u64(chunk, GLIBC_CHUNK_HEAD);
    if ((head & GLIBC_CHUNK_FLAGS) != GLIBC_CHUNK_MAPPED)
        return 0;
    uint64_t bytes = round_up(head - GLIBC_CHUNK_MAPPED, survey->page_bytes);
    return bytes - (head - GLIBC_CHUNK_MAPPED) <= GLIBC_CHUNK_BLOCK && bytes <= end - at ? bytes : 0;
}

/* Single blocks, one behind the other or among what malloc has not. */
static struct error *survey_pages(struct survey *survey, struct address_range mapping)
{
    uint64_t page_bytes = survey->page_bytes, end = mapping.end.value;
    struct error *error = NULL;
    for (uint64_t at = mapping.start.value; at < end && !error;) {
        uint64_t block_bytes = mapped_bytes(survey, at, end);
        uint64_t bytes = block_bytes ? block_bytes : page_bytes;
        struct address_range head = {address(at), address(at + page_bytes)};
        bool needed = block_bytes && is_needed(survey, at);
        if (block_bytes && !needed)
            error = address_ranges_add(&survey->spares->later, head);
        if (!error && !needed)
            error = leave_out(survey, at, at + bytes);
        at += bytes;
    }
    return error;
}

static bool is_anonymous(const struct mapping *mapping)
{
    return mapping->writable && !mapping->shared && !mapping->path;
}

static bool is_brk(const struct mapping *mapping)
{
    return mapping->path && strcmp(mapping->path, "[heap]") == 0;
}

/* The heap that brk() made is one, whatever mappings the kernel made of it. */
static struct error *survey_mapping(struct survey *survey, const struct mappings *mappings, size_t *index)
{
    const struct mapping *mapping = &mappings->items[*index];
    struct address_range range = mapping->range;
    bool brk = is_brk(mapping);
    for (; brk && *index + 1 < mappings->count && is_brk(&mappings->items[*index + 1]); ++*index)
        range.end = mappings->items[*index + 1].range.end;
    presence_free(&survey->presence);
    survey->range = (struct address_range){0};
    struct error *error = target_presence(survey->target, range, &survey->presence);
    if (error)
        return error;
    uint64_t first = brk ? range.start.value : first_chunk(survey, range);
    return first ? survey_chunks(survey, first, range.end.value) : survey_pages(survey, range);
}

struct error *locate_malloc_spares(struct target *target, bool for_pools, struct capture_spares *spares)
{
    *spares = (struct capture_spares){0};
    struct survey *survey = calloc(1, sizeof(*survey));
    if (!survey)
        return error_no_memory();
    survey->target = target;
    survey->spares = spares;
    survey->page_bytes = target_page_bytes(target);
    survey->for_pools = for_pools;
    struct mappings mappings = {0};
    struct error *error = target_mappings(target, &mappings);
    for (size_t i = 0; !error && i < mappings.count; i++)
        if (is_anonymous(&mappings.items[i]) || is_brk(&mappings.items[i]))
            error = survey_mapping(survey, &mappings, &i);
    mappings_free(&mappings);
    presence_free(&survey->presence);
    free(survey);
    return error;
}

void capture_spares_free(struct capture_spares *spares)
{
    ARRAY_FREE(&spares->left_out);
    ARRAY_FREE(&spares->later);
}
