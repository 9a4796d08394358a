#include "locate/glibc_arenas.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/range_search.h"
#include "base/size.h"
#include "target/memory_view.h"

enum {
    WORD_BYTES = 8,
    CACHE_BINS_MAX = 128,
    BLOCK_CACHED_MAX = 1 << 26, /* no cache of any release keeps larger blocks */
    PARAMETERS_BEFORE = 64,     /* what is read around sbrk_base */
    PARAMETERS_BEHIND = 32,
    CHUNKS_TRIED = 16,
};

static bool is_empty_bin(const unsigned char *links, uint64_t at)
{
    return field_u64(links, 0) == at - GLIBC_BIN_CHUNK && field_u64(links, WORD_BYTES) == at - GLIBC_BIN_CHUNK;
}

/* Its first and its last chunk point back at it. */
static bool is_bin(struct memory_view *data, struct memory_view *chunks, uint64_t at)
{
    const unsigned char *links = view_bytes(data, address(at), GLIBC_BIN_BYTES);
    if (!links)
        return false;
    if (is_empty_bin(links, at))
        return true;
    uint64_t back, forth;
    return view_u64(chunks, address_add(address(field_u64(links, 0)), GLIBC_CHUNK_PREVIOUS), &back)
        && view_u64(chunks, address_add(address(field_u64(links, WORD_BYTES)), GLIBC_CHUNK_NEXT), &forth)
        && back == at - GLIBC_BIN_CHUNK && forth == at - GLIBC_BIN_CHUNK;
}

/* The first of exactly 127 bins in a row, of which one is at `at`; 0 if there are more or fewer. */
static uint64_t bins_around(struct memory_view *data, struct memory_view *chunks, uint64_t at)
{
    uint64_t first = at, end = at + GLIBC_BIN_BYTES;
    while (end - first <= GLIBC_BINS * GLIBC_BIN_BYTES && is_bin(data, chunks, first - GLIBC_BIN_BYTES))
        first -= GLIBC_BIN_BYTES;
    while (end - first <= GLIBC_BINS * GLIBC_BIN_BYTES && is_bin(data, chunks, end))
        end += GLIBC_BIN_BYTES;
    return end - first == GLIBC_BINS * GLIBC_BIN_BYTES ? first : 0;
}

static int compare_addresses(const void *a, const void *b)
{
    const address_t *left = a, *right = b;
    return (left->value > right->value) - (left->value < right->value);
}

/* Follow the ring of arenas from `main_arena`. False when it does not lead back. */
static struct error *follow_ring(struct memory_view *view, unsigned bins, address_t main_arena,
    struct glibc_books *books, bool *closed)
{
    *closed = false;
    books->count = 0;
    for (address_t arena = main_arena; books->count < GLIBC_ARENAS_MAX;) {
        address_t *added = ARRAY_ADD(books);
        if (!added)
            return error_no_memory();
        *added = arena;
        uint64_t next;
        if (!view_u64(view, address_add(arena, bins + GLIBC_BINS_NEXT_ARENA), &next) || next % WORD_BYTES)
            return NULL;
        arena = address(next);
        if (address_equal(arena, main_arena)) {
            *closed = true;
            qsort(books->items + 1, books->count - 1, sizeof(*books->items), compare_addresses);
            return NULL;
        }
    }
    return NULL;
}

static int32_t field_i32(const unsigned char *base, int offset)
{
    int32_t value;
    memcpy(&value, base + offset, sizeof(value));
    return value;
}

static uint64_t parameter(const unsigned char *base, int offset)
{
    uint64_t value;
    memcpy(&value, base + offset, sizeof(value));
    return value;
}

static bool counts_mappings(const unsigned char *base, const struct glibc_parameters_layout *layout)
{
    int32_t count = field_i32(base, layout->mmap_count), most = field_i32(base, layout->most_mmap_count);
    uint64_t bytes = parameter(base, GLIBC_PARAMETERS_MAPPED_BYTES);
    uint64_t most_bytes = parameter(base, GLIBC_PARAMETERS_MOST_MAPPED_BYTES);
    return count >= 0 && count <= most && field_i32(base, layout->mmap_count_max) >= 0
        && bytes <= most_bytes && bytes % GLIBC_CHUNK_BLOCK == 0 && most_bytes % GLIBC_CHUNK_BLOCK == 0
        && (count == 0 || bytes != 0) && (most == 0 || most_bytes != 0)
        && (uint32_t)field_i32(base, layout->fixed_threshold) <= 1;
}

static bool sets_caches(const unsigned char *base)
{
    uint64_t bins = parameter(base, GLIBC_PARAMETERS_CACHE_BINS);
    uint64_t bytes = parameter(base, GLIBC_PARAMETERS_CACHE_BYTES);
    return bins <= CACHE_BINS_MAX && bytes <= BLOCK_CACHED_MAX
        && parameter(base, GLIBC_PARAMETERS_CACHE_COUNT) <= UINT16_MAX && (bins > 1) == (bytes > GLIBC_CHUNK_BLOCK * 2);
}

static bool has_caches(const unsigned char *base)
{
    return parameter(base, GLIBC_PARAMETERS_CACHE_BINS) != 0 && parameter(base, GLIBC_PARAMETERS_CACHE_COUNT) != 0;
}

/*
 * The main arena's memory starts there: the first chunk says that there is none before it to merge with, and leads to
 * others. What environ points to looks like a chunk now and then, but leads nowhere.
 */
static bool starts_heap(const struct capture *capture, uint64_t start)
{
    struct memory_view view = view_of(capture);
    const struct mapping *mapping = mappings_find(&capture->mappings, address(start));
    uint64_t head, at = round_up(start, GLIBC_CHUNK_BLOCK);
    for (unsigned i = 0; mapping && i < CHUNKS_TRIED; i++) {
        if (!view_u64(&view, address(at + GLIBC_CHUNK_HEAD), &head) || head & GLIBC_CHUNK_IMPOSSIBLE
            || head & GLIBC_CHUNK_NOT_MAIN || (i == 0 && !(head & GLIBC_CHUNK_PREVIOUS_USED)))
            return false;
        uint64_t bytes = head & ~(uint64_t)GLIBC_CHUNK_FLAGS;
        if (bytes < GLIBC_CHUNK_MINIMUM)
            return i > 0 && bytes == GLIBC_FENCEPOST;
        if (bytes >= mapping->range.end.value - at)
            return i > 0 || bytes == mapping->range.end.value - at;
        at += bytes;
    }
    return mapping != NULL;
}

/* How many places of the piece, but for the arena's own, can be mp_'s sbrk_base; the last one is `found`. */
static unsigned find_parameters(const struct capture *capture, const struct glibc_malloc_layout *layout,
    const struct capture_piece *piece, struct address_range arena, bool in_use, address_t *found)
{
    unsigned count = 0;
    for (uint64_t at = PARAMETERS_BEFORE; at + PARAMETERS_BEHIND <= range_bytes(piece->range); at += WORD_BYTES) {
        const unsigned char *base = piece->data + at;
        uint64_t start = field_u64(base, GLIBC_PARAMETERS_BASE);
        if ((start != 0) == in_use && !range_holds(arena, address_add(piece->range.start, at), 1)
            && counts_mappings(base, &layout->parameters) && sets_caches(base)
            && (in_use ? starts_heap(capture, start) : has_caches(base))) {
            *found = address_add(piece->range.start, at);
            count++;
        }
    }
    return count;
}

static bool main_in_use(struct memory_view *view, address_t bins)
{
    uint64_t bytes;
    return view_u64(view, address_add(bins, GLIBC_BINS_SYSTEM_BYTES), &bytes) && bytes != 0;
}

/* What was captured of a mapping: pieces from the first one on, as long as they are of it. */
static size_t first_piece(const struct capture *capture, const struct mapping *mapping)
{
    return FIRST_ENDING_BEHIND(capture->pieces, capture->piece_count, mapping->range.start);
}

static bool is_of(const struct capture *capture, size_t piece, const struct mapping *mapping)
{
    return piece < capture->piece_count && capture->pieces[piece].range.start.value < mapping->range.end.value;
}

/* An arena other than the main one follows the header of its first heap, which starts a page. */
static bool follow_headers(const struct capture *capture, const struct glibc_malloc_layout *layout,
    const struct glibc_books *books)
{
    for (size_t i = 1; i < books->count; i++)
        if (books->items[i].value % capture->page_bytes != layout->heap_bytes)
            return false;
    return true;
}

/* Where mp_'s sbrk_base is by that row; ADDRESS_NONE when no place or more than one can be it. */
static address_t locate_parameters(const struct capture *capture, const struct mapping *mapping,
    const struct glibc_malloc_layout *layout, address_t bins, bool in_use)
{
    struct address_range arena = {address_subtract(bins, layout->bins), address_add(bins, GLIBC_BINS_END)};
    unsigned places = 0;
    address_t found = ADDRESS_NONE;
    for (size_t i = first_piece(capture, mapping); is_of(capture, i, mapping); i++)
        places += find_parameters(capture, layout, &capture->pieces[i], arena, in_use, &found);
    return places == 1 ? found : ADDRESS_NONE;
}

/* The rows that explain the arena whose bins start at `bins`, and what stands beside it. */
static struct error *choose_layouts(const struct capture *capture, const struct mapping *mapping, address_t bins,
    struct glibc_books *books)
{
    struct memory_view view = view_of(capture);
    bool in_use = main_in_use(&view, bins), closed = false;
    unsigned header = 0;
    for (size_t i = 0; i < glibc_malloc_layout_count; i++) {
        const struct glibc_malloc_layout *layout = &glibc_malloc_layouts[i];
        if (!closed) {
            header = layout->bins;
            struct error *error = follow_ring(&view, header, address_subtract(bins, header), books, &closed);
            if (error)
                return error;
        }
        if (!closed || layout->bins != header || !follow_headers(capture, layout, books))
            continue;
        if (!in_use && books->count == 1)
            return NULL;
        address_t parameters = locate_parameters(capture, mapping, layout, bins, in_use);
        if (address_equal(parameters, ADDRESS_NONE) || books->layout_count == GLIBC_LAYOUTS_MAX
            || (books->layout_count && !address_equal(parameters, books->parameters)))
            continue;
        books->parameters = parameters;
        books->layouts[books->layout_count++] = layout;
    }
    if (books->layout_count)
        return NULL;
    return error_new(ERROR_NOT_UNDERSTOOD, "the arena of malloc whose bins are at 0x%" PRIx64
        " has the layout of no known glibc", bins.value);
}

/* The bins of an arena in this piece of a library's data; 0: none. */
static uint64_t find_bins(const struct capture *capture, const struct capture_piece *piece)
{
    struct memory_view data = view_of(capture), chunks = view_of(capture);
    uint64_t end = range_bytes(piece->range);
    for (uint64_t at = 0; at + GLIBC_BINS_END <= end; at += WORD_BYTES) {
        uint64_t start = piece->range.start.value + at;
        if (!is_empty_bin(piece->data + at, start))
            continue;
        uint64_t bins = bins_around(&data, &chunks, start);
        if (bins)
            return bins;
    }
    return 0;
}

static bool is_library_data(const struct mapping *mapping)
{
    return mapping->writable && !mapping->shared && mapping_has_file(mapping);
}

static bool is_libc(const struct mapping *mapping)
{
    const char *name = strrchr(mapping->path, '/') + 1;
    return strncmp(name, "libc.so", 7) == 0 || strncmp(name, "libc-2.", 7) == 0;
}

static struct error *look_in(const struct capture *capture, const struct mapping *mapping, struct glibc_books *books,
    bool *found)
{
    uint64_t bins = 0;
    for (size_t i = first_piece(capture, mapping); is_of(capture, i, mapping) && !bins; i++)
        bins = find_bins(capture, &capture->pieces[i]);
    *found = bins != 0;
    return bins ? choose_layouts(capture, mapping, address(bins), books) : NULL;
}

struct error *locate_glibc_books(const struct capture *capture, struct glibc_books *books)
{
    *books = (struct glibc_books){0};
    for (int of_libc = 1; of_libc >= 0; of_libc--) {
        for (size_t i = 0; i < capture->mappings.count; i++) {
            const struct mapping *mapping = &capture->mappings.items[i];
            if (!is_library_data(mapping) || is_libc(mapping) != of_libc)
                continue;
            bool found;
            struct error *error = look_in(capture, mapping, books, &found);
            if (error || found)
                return error;
        }
    }
    return NULL;
}

void glibc_books_free(struct glibc_books *books)
{
    ARRAY_FREE(books);
}
