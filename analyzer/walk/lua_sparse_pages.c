/*
 * The heap's own books tell which pages are sparse. The objects are then gone through twice, by address: to count how
 * many lie on each such page, and to write down which.
 */
#include "walk/lua_sparse_pages.h"

#include <stdlib.h>

#include "base/size.h"
#include "walk/lua_blocks.h"

#define NOT_SPARSE UINT32_MAX

/* A region of a heap, and which of its pages are sparse. */
struct searched_region {
    const struct heap_region *region;
    uint32_t *places; /* of each page among the sparse ones, or NOT_SPARSE; owned */
};

struct search {
    const struct capture *capture;
    uint64_t page_bytes;
    struct searched_region *regions; /* by address; owned */
    size_t region_count, latest_region;
    object_id *latest_objects;       /* of each sparse page: the object that was noted last; owned */
    uint32_t *ends;                  /* of each sparse page: the entries before its next one; owned */
    uint64_t page_count;             /* of all regions */
    uint64_t budget;                 /* pages that the blocks of all objects can touch, when no two overlap */
    struct sparse_pages pages;
};

static int compare_regions(const void *left, const void *right)
{
    uint64_t a = ((const struct searched_region *)left)->region->range.start.value;
    uint64_t b = ((const struct searched_region *)right)->region->range.start.value;
    return a < b ? -1 : a > b;
}

static void add_regions(struct search *search, const struct heap *heap)
{
    for (size_t i = 0; i < heap->region_count; i++)
        search->regions[search->region_count++].region = &heap->regions[i];
}

static struct error *gather_regions(struct search *search, const struct lua_state *state)
{
    size_t count = state->heap.region_count + state->former_heap.region_count;
    search->regions = calloc(count + 1, sizeof(*search->regions));
    if (!search->regions)
        return error_no_memory();
    add_regions(search, &state->heap);
    add_regions(search, &state->former_heap);
    qsort(search->regions, count, sizeof(*search->regions), compare_regions);
    return NULL;
}

static bool is_sparse(const struct search *search, const struct heap_region *region, uint64_t page)
{
    uint8_t holds = region->page_use[page] & (PAGE_USE_LIVE | PAGE_USE_FREE | PAGE_USE_META);
    if (holds != (PAGE_USE_LIVE | PAGE_USE_FREE) || region->free_bytes[page] <= search->page_bytes / 2)
        return false;
    address_t start = address_add(region->range.start, page * search->page_bytes);
    struct address_range range = {start, address_add(start, search->page_bytes)};
    return presence_resident_bytes(&search->capture->presence, range) == search->page_bytes;
}

static struct error *find_pages_of_region(struct search *search, struct searched_region *searched)
{
    uint64_t pages = range_bytes(searched->region->range) / search->page_bytes;
    searched->places = calloc(pages + 1, sizeof(*searched->places));
    if (!searched->places)
        return error_no_memory();
    search->page_count += pages;
    for (uint64_t page = 0; page < pages; page++) {
        bool sparse = search->pages.count < NOT_SPARSE && is_sparse(search, searched->region, page);
        searched->places[page] = sparse ? (uint32_t)search->pages.count++ : NOT_SPARSE;
    }
    return NULL;
}

static void describe_pages_of_region(struct search *search, const struct searched_region *searched)
{
    uint64_t pages = range_bytes(searched->region->range) / search->page_bytes;
    for (uint64_t page = 0; page < pages; page++) {
        uint32_t place = searched->places[page];
        if (place == NOT_SPARSE)
            continue;
        search->pages.addresses[place] = address_add(searched->region->range.start, page * search->page_bytes);
        search->pages.free_bytes[place] = searched->region->free_bytes[page];
    }
}

static struct error *find_pages(struct search *search)
{
    struct sparse_pages *pages = &search->pages;
    for (size_t i = 0; i < search->region_count; i++) {
        struct error *error = find_pages_of_region(search, &search->regions[i]);
        if (error)
            return error;
    }
    pages->addresses = calloc(pages->count + 1, sizeof(*pages->addresses));
    pages->free_bytes = calloc(pages->count + 1, sizeof(*pages->free_bytes));
    pages->first_entries = calloc(pages->count + 1, sizeof(*pages->first_entries));
    search->ends = calloc(pages->count + 1, sizeof(*search->ends));
    search->latest_objects = calloc(pages->count + 1, sizeof(*search->latest_objects));
    if (!pages->addresses || !pages->free_bytes || !pages->first_entries || !search->ends || !search->latest_objects)
        return error_no_memory();
    for (size_t i = 0; i < search->region_count; i++)
        describe_pages_of_region(search, &search->regions[i]);
    return NULL;
}

/* The region that holds `at`, or NULL. What an object owns is mostly in the region of the block before. */
static const struct searched_region *region_at(struct search *search, address_t at)
{
    if (search->region_count == 0)
        return NULL;
    if (range_holds(search->regions[search->latest_region].region->range, at, 1))
        return &search->regions[search->latest_region];
    size_t low = 0, high = search->region_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (search->regions[middle].region->range.start.value <= at.value)
            low = middle;
        else
            high = middle;
    }
    search->latest_region = low;
    return range_holds(search->regions[low].region->range, at, 1) ? &search->regions[low] : NULL;
}

/* Count an entry, or write it down once there is room for all. */
static void note_object(struct search *search, uint32_t place, object_id object, uint64_t bytes)
{
    struct sparse_pages *pages = &search->pages;
    bool again = search->latest_objects[place] == object;
    search->latest_objects[place] = object;
    if (!again)
        search->ends[place]++;
    if (!pages->objects)
        return;
    uint32_t entry = search->ends[place] - 1;
    pages->objects[entry] = object;
    pages->object_bytes[entry] = (uint16_t)size_min(pages->object_bytes[entry] + bytes, UINT16_MAX);
}

static void note_block(struct search *search, object_id object, const struct lua_block *block)
{
    const struct searched_region *searched = region_at(search, block->at);
    if (!searched || block->bytes == 0)
        return;
    struct address_range range = searched->region->range;
    uint64_t start = block->at.value - range.start.value;
    uint64_t end = size_min(start + size_min(block->bytes, range_bytes(range)), range_bytes(range));
    while (start < end && search->budget) {
        search->budget--;
        uint64_t page_end = size_min(round_down(start, search->page_bytes) + search->page_bytes, end);
        uint32_t place = searched->places[start / search->page_bytes];
        if (place != NOT_SPARSE)
            note_object(search, place, object, page_end - start);
        start = page_end;
    }
}

/* An object of these types is one block: there is no need to read it. */
static bool is_one_block(uint8_t type)
{
    return type == LUA_TYPE_STRING || type == LUA_TYPE_UPVALUE || type == LUA_TYPE_PROTO || type == LUA_TYPE_FUNCTION
        || type == LUA_TYPE_TRACE;
}

static struct error *note_all_objects(struct search *search, const struct lua_site *site,
    const struct object_graph *graph)
{
    struct lua_block_reader reader = lua_block_reader_make(search->capture, site->layout, site->thread);
    struct object_cursor cursor = object_cursor_at(&graph->index, 0);
    for (size_t place = 0; place < search->pages.count; place++)
        search->latest_objects[place] = OBJECT_NONE;
    /* A block touches as many pages as it has bytes for, and two where it begins and ends. */
    search->budget = search->page_count + (uint64_t)graph->count * LUA_BLOCKS_MAX * 2 + 1;
    for (object_id id = 0; id < graph->count; id++) {
        address_t at = object_cursor_next(&cursor);
        uint8_t type = graph->types[id];
        struct lua_blocks blocks = {.items[0] = {at, graph->bytes[id]}, .count = 1};
        if (!is_one_block(type) && !lua_object_blocks(&reader, (enum lua_tag)(type + LUA_TAG_STRING), at, &blocks))
            continue;
        for (unsigned i = 0; i < blocks.count; i++)
            note_block(search, id, &blocks.items[i]);
    }
    return search->budget ? NULL : error_new(ERROR_NOT_UNDERSTOOD, "sparse pages: objects that overlap");
}

/* The counts of all pages are known: where each page's entries begin, and room for them. */
static struct error *make_room(struct search *search)
{
    struct sparse_pages *pages = &search->pages;
    uint64_t sum = 0;
    for (size_t place = 0; place < pages->count; place++) {
        uint32_t entries = search->ends[place];
        pages->first_entries[place] = search->ends[place] = (uint32_t)sum;
        sum += entries;
        if (sum > UINT32_MAX)
            return error_new(ERROR_FAILED, "more objects on sparse pages than can be counted");
    }
    pages->first_entries[pages->count] = pages->entry_count = (uint32_t)sum;
    pages->objects = calloc(sum + 1, sizeof(*pages->objects));
    pages->object_bytes = calloc(sum + 1, sizeof(*pages->object_bytes));
    return pages->objects && pages->object_bytes ? NULL : error_no_memory();
}

static struct error *run_search(struct search *search, const struct lua_site *site, const struct lua_state *state)
{
    struct error *error = gather_regions(search, state);
    if (!error)
        error = find_pages(search);
    if (error || search->pages.count == 0)
        return error;
    error = note_all_objects(search, site, state->graph);
    if (!error)
        error = make_room(search);
    return error ? error : note_all_objects(search, site, state->graph);
}

struct error *lua_sparse_pages_find(const struct capture *capture, const struct lua_site *site,
    const struct lua_state *state, struct sparse_pages *pages)
{
    struct search search = {
        .capture = capture,
        .page_bytes = capture->page_bytes,
        .pages.page_bytes = capture->page_bytes,
    };
    struct error *error = run_search(&search, site, state);
    for (size_t i = 0; i < search.region_count; i++)
        free(search.regions[i].places);
    free(search.regions);
    free(search.ends);
    free(search.latest_objects);
    if (error)
        sparse_pages_free(&search.pages);
    else
        *pages = search.pages;
    return error;
}
