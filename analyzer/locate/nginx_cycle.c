#include "locate/nginx_cycle.h"

#include <stdlib.h>

#include "base/array.h"
#include "layouts/choose_nginx_layout.h"
#include "locate/nginx_pool_header.h"
#include "locate/program_data.h"

enum { CYCLE_BYTES_MIN = 600 }; /* of all known ones */

struct candidate {
    address_t cycle, old_cycle;
    const struct nginx_cycle_layout *layout;
    struct nginx_module *modules;
    size_t module_count;
    uint64_t references; /* from data of programs and libraries, as ngx_cycle is */
};

struct search {
    const struct capture *capture;
    struct memory_view view;
    struct mapped_text texts;
    ARRAY(struct candidate) found;
};

/* The first that the pool at the block's start holds, if it is a cycle. */
static struct error *try_pool(struct search *search, const struct malloc_block *block)
{
    struct memory_view *view = &search->view;
    struct nginx_pool_header header;
    address_t cycle = address_add(block->range.start, NGINX_POOL_BYTES);
    const struct nginx_cycle_layout *layout;
    if (!nginx_pool_header_read(view, block, &header) || !(layout = nginx_cycle_layout_choose(view, cycle)))
        return NULL;
    const unsigned char *bytes = view_bytes(view, cycle, layout->bytes);
    struct candidate candidate = {
        .cycle = cycle,
        .old_cycle = address(field_u64(bytes, layout->old_cycle)),
        .layout = layout,
        .module_count = field_u64(bytes, layout->module_count),
    };
    address_t list = address(field_u64(bytes, layout->modules));
    struct error *error = nginx_modules_read(view, &search->texts, list, candidate.module_count, &candidate.modules);
    if (error || !candidate.modules)
        return error;
    struct candidate *added = ARRAY_ADD(&search->found);
    if (!added) {
        free(candidate.modules);
        return error_no_memory();
    }
    *added = candidate;
    return NULL;
}

/* A cycle's second word names the pool that it is the first thing in. */
static bool points_back(struct memory_view *view, address_t pool)
{
    uint64_t word;
    return view_u64(view, address_add(pool, NGINX_POOL_BYTES + NGINX_CYCLE_POOL), &word) && word == pool.value;
}

static struct error *search_chunks(struct search *search, const struct chunk_map *chunks)
{
    struct chunk_cursor cursor = {.map = chunks};
    struct chunk chunk;
    struct error *error = NULL;
    while (!error && chunk_cursor_next(&cursor, &chunk)) {
        struct malloc_block block;
        if (chunk.used && range_bytes(chunk.range) > NGINX_POOL_BYTES + CYCLE_BYTES_MIN
            && points_back(&search->view, address_add(chunk.range.start, CHUNK_HEADER_BYTES))
            && malloc_block_of(&search->view, &chunk, &block))
            error = try_pool(search, &block);
    }
    return error;
}

/* Where no chunks are known: every place where one could be. */
static struct error *search_everywhere(struct search *search)
{
    struct error *error = NULL;
    for (size_t i = 0; i < search->capture->piece_count && !error; i++) {
        const struct capture_piece *piece = &search->capture->pieces[i];
        const uint64_t bytes = range_bytes(piece->range), distance = NGINX_POOL_BYTES + NGINX_CYCLE_POOL;
        for (uint64_t at = 0; at + distance + sizeof(uint64_t) <= bytes && !error; at += NGINX_POOL_ALIGNMENT) {
            uint64_t start = piece->range.start.value + at;
            struct malloc_block block = {.range = {address(start), piece->range.end}};
            if (field_u64(piece->data + at, (unsigned)distance) == start)
                error = try_pool(search, &block);
        }
    }
    return error;
}

static struct error *count_reference(void *context, uint64_t word)
{
    struct search *search = context;
    for (size_t i = 0; i < search->found.count; i++)
        search->found.items[i].references += word == search->found.items[i].cycle.value;
    return NULL;
}

/* Where memory is copied page by page, few pages are asked for: those that data refer to. */
static struct error *try_reference(void *context, uint64_t word)
{
    struct search *search = context;
    if (word == 0 || word % NGINX_POOL_ALIGNMENT)
        return NULL;
    const struct mapping *mapping = mappings_find(&search->capture->mappings, address(word));
    address_t pool = address(word - NGINX_POOL_BYTES);
    if (!mapping || !mapping->writable || mapping_has_file(mapping)
        || pool.value < mapping->range.start.value || !points_back(&search->view, pool))
        return NULL;
    for (size_t i = 0; i < search->found.count; i++)
        if (search->found.items[i].cycle.value == word)
            return NULL;
    return try_pool(search, &(struct malloc_block){.range = {pool, mapping->range.end}});
}

static bool is_old_cycle_of_another(const struct search *search, address_t cycle)
{
    for (size_t i = 0; i < search->found.count; i++)
        if (address_equal(search->found.items[i].old_cycle, cycle))
            return true;
    return false;
}

/* The one that data refer to, as ngx_cycle does; among several the newest, which no other has as its old one. */
static struct candidate *in_force(struct search *search)
{
    struct candidate *best = NULL;
    for (size_t i = 0; i < search->found.count; i++) {
        struct candidate *candidate = &search->found.items[i];
        if (!best || (candidate->references > 0) > (best->references > 0)
            || ((candidate->references > 0) == (best->references > 0)
                && is_old_cycle_of_another(search, best->cycle)))
            best = candidate;
    }
    return best;
}

static struct error *describe(struct search *search, struct nginx_site *site)
{
    struct error *error = search->found.count > 1
        ? program_data_each_word(search->capture, count_reference, search) : NULL;
    if (error)
        return error;
    struct candidate *best = in_force(search);
    if (!best)
        return NULL;
    site->layout.cycle = best->layout;
    site->layout.connection_bytes = nginx_connection_bytes(&search->view, best->cycle, best->layout);
    site->cycle = best->cycle;
    site->modules = best->modules;
    site->module_count = best->module_count;
    best->modules = NULL;
    site->old_cycles = calloc(search->found.count, sizeof(*site->old_cycles));
    if (!site->old_cycles)
        return error_no_memory();
    for (size_t i = 0; i < search->found.count; i++)
        if (&search->found.items[i] != best)
            site->old_cycles[site->old_cycle_count++] = search->found.items[i].cycle;
    return NULL;
}

struct error *locate_nginx_cycle(struct target *target, const struct capture *capture, const struct chunk_map *chunks,
    struct nginx_site *site)
{
    *site = (struct nginx_site){0};
    struct search search = {
        .capture = capture, .view = view_of(capture), .texts = mapped_text_of(target, capture),
    };
    struct error *error = capture->lazy ? program_data_each_word(capture, try_reference, &search)
        : chunks->count ? search_chunks(&search, chunks)
                        : search_everywhere(&search);
    if (!error)
        error = describe(&search, site);
    mapped_text_close(&search.texts);
    for (size_t i = 0; i < search.found.count; i++)
        free(search.found.items[i].modules);
    ARRAY_FREE(&search.found);
    return error;
}

const struct nginx_module *nginx_site_module(const struct nginx_site *site, address_t address)
{
    for (size_t i = 0; i < site->module_count; i++)
        if (address_equal(site->modules[i].address, address))
            return &site->modules[i];
    return NULL;
}

void nginx_site_free(struct nginx_site *site)
{
    free(site->modules);
    free(site->old_cycles);
    *site = (struct nginx_site){0};
}
