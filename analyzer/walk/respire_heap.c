#include "walk/respire_heap.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/size.h"
#include "heap_image.h"

enum {
    GRANULES_PER_WORD = 64,
    BLOCK_BYTES_MAX = 64 << 20,
};

/* What the walk counts, to be held against what the image says. */
struct image_walk {
    struct respire_heap_walk *walk;
    const struct respire_heap_image *image;
    struct checks *checks;
    uint64_t blocks_met, large_met, large_mapped, regions_sum;
    uint64_t taken_bytes, section_errors;
    uint64_t hole_bytes;
};

static struct error *damage(const struct image_walk *w, const char *what, uint64_t at)
{
    return error_new(ERROR_NOT_UNDERSTOOD, "respire heap at 0x%" PRIx64 ": %s at 0x%" PRIx64, w->image->self_address,
        what, at);
}

bool respire_heap_recognise(const struct capture *capture, address_t at)
{
    struct memory_view view = view_of(capture);
    const struct respire_heap_image *image = view_bytes(&view, at, sizeof(*image));
    return image && at.value % capture->page_bytes == 0
        && memcmp(image->magic, RESPIRE_IMAGE_MAGIC, RESPIRE_IMAGE_MAGIC_BYTES) == 0
        && image->self_address == at.value && image->version == RESPIRE_IMAGE_VERSION;
}

/* The geometry is the image's own word: refuse what this reader could not bound. */
static bool geometry_is_sane(const struct respire_heap_image *image)
{
    return is_power_of_two(image->block_bytes) && image->block_bytes <= BLOCK_BYTES_MAX
        && image->bitmap_offset % 8 == 0 && image->bitmap_offset >= sizeof(struct respire_block_image)
        && image->sections_per_block > 0 && image->sections_per_block <= RESPIRE_SECTIONS_PER_BLOCK
        && (uint64_t)image->section_bytes * image->sections_per_block == image->block_bytes
        && image->hole_count <= RESPIRE_IMAGE_HOLES && image->region_count <= RESPIRE_IMAGE_REGIONS
        && image->large_slots <= image->held_bytes / 16 && image->block_slots <= image->held_bytes / 8;
}

/* The same of a block's own word. */
static bool block_is_sane(const struct respire_heap_image *image, const struct respire_block_image *block, address_t at)
{
    return at.value % image->block_bytes == 0 && block->self_address == at.value
        && block->heap_address == image->self_address && is_power_of_two(block->granule_bytes)
        && block->granule_bytes >= 8 && image->section_bytes % (block->granule_bytes * GRANULES_PER_WORD) == 0
        && block->bitmap_bytes == image->block_bytes / block->granule_bytes / 8
        && block->header_bytes >= image->bitmap_offset + block->bitmap_bytes
        && block->header_bytes < image->block_bytes && block->header_bytes % block->granule_bytes == 0;
}

/* Word `index` of a block's bitmap. A page of it that is absent was never used: all free. */
static uint64_t bitmap_word(struct respire_heap_walk *walk, address_t block, uint64_t index)
{
    uint64_t word;
    return view_u64(&walk->view, address_add(block, walk->bitmap_offset + index * 8), &word) ? word : 0;
}

static void count_free_run(struct image_walk *w, struct heap_region *region, address_t start, uint64_t bytes)
{
    struct heap *heap = w->walk->heap;
    heap->free_bytes += bytes;
    heap->free_blocks++;
    histogram_add(&heap->free, bytes);
    heap->free_resident_bytes += presence_resident_bytes(&w->walk->view.capture->presence,
        (struct address_range){start, address_add(start, bytes)});
    heap_region_mark(region, w->image->page_bytes, start, bytes, PAGE_USE_FREE);
    heap_region_mark_reclaimable(region, w->image->page_bytes, start, bytes);
}

/* Runs of equal granules, from the end of the header to the end of the block. */
static void walk_granules(struct image_walk *w, struct heap_region *region, address_t block,
    const struct respire_block_image *header)
{
    struct respire_heap_walk *walk = w->walk;
    uint64_t granules = walk->block_bytes / header->granule_bytes;
    uint64_t granule = header->header_bytes / header->granule_bytes;
    while (granule < granules) {
        uint64_t first = granule;
        address_t start = address_add(block, first * header->granule_bytes);
        uint64_t word = bitmap_word(walk, block, granule / GRANULES_PER_WORD);
        bool taken = word >> (granule % GRANULES_PER_WORD) & 1;
        while (granule < granules) {
            if (granule % GRANULES_PER_WORD == 0)
                word = bitmap_word(walk, block, granule / GRANULES_PER_WORD);
            uint64_t rest = word >> (granule % GRANULES_PER_WORD);
            uint64_t differs = taken ? ~rest : rest;
            uint64_t left = GRANULES_PER_WORD - granule % GRANULES_PER_WORD;
            uint64_t same = differs ? size_min((uint64_t)__builtin_ctzll(differs), left) : left;
            granule += same;
            if (same < left)
                break;
        }
        uint64_t bytes = (granule - first) * header->granule_bytes;
        if (taken)
            heap_region_mark(region, w->image->page_bytes, start, bytes, PAGE_USE_LIVE);
        else
            count_free_run(w, region, start, bytes);
    }
}

static void count_section(struct image_walk *w, address_t block, const struct respire_block_image *header,
    unsigned section)
{
    uint64_t words = w->image->section_bytes / header->granule_bytes / GRANULES_PER_WORD;
    uint64_t taken = 0;
    for (uint64_t i = 0; i < words; i++)
        taken += (uint64_t)__builtin_popcountll(bitmap_word(w->walk, block, section * words + i));
    w->taken_bytes += taken * header->granule_bytes;
    w->section_errors += taken != header->sections[section].live_granules;
}

static bool read_block_image(struct respire_heap_walk *walk, address_t block, struct respire_block_image *header)
{
    const void *bytes = view_bytes(&walk->view, block, sizeof(*header));
    if (bytes)
        memcpy(header, bytes, sizeof(*header));
    return bytes;
}

static struct error *walk_block(struct image_walk *w, address_t block)
{
    struct respire_block_image header;
    if (!read_block_image(w->walk, block, &header) || !block_is_sane(w->image, &header, block))
        return damage(w, "a block that does not know itself", block.value);
    for (unsigned i = 0; i < w->image->sections_per_block; i++)
        count_section(w, block, &header, i);
    struct heap *heap = w->walk->heap;
    struct heap_region *region;
    struct error *error = heap_add_region(heap,
        (struct address_range){block, address_add(block, w->walk->block_bytes)}, w->image->page_bytes, &region);
    if (error)
        return error;
    w->blocks_met++;
    heap->segments++;
    heap->held_bytes += w->walk->block_bytes;
    heap->meta_bytes += header.header_bytes;
    histogram_add(&heap->segment_sizes, w->walk->block_bytes);
    heap_region_mark(region, w->image->page_bytes, block, header.header_bytes, PAGE_USE_META);
    walk_granules(w, region, block, &header);
    return NULL;
}

static struct error *walk_blocks(struct image_walk *w)
{
    struct memory_view table = view_of(w->walk->view.capture);
    for (uint64_t slot = 0; slot < w->image->block_slots; slot++) {
        uint64_t block;
        /* A page of the table that was never written holds empty slots. */
        address_t at = address_add(address(w->image->block_table_address), slot * sizeof(struct respire_block_slot));
        if (!view_u64(&table, at, &block) || block == 0)
            continue;
        struct error *error = walk_block(w, address(block));
        if (error)
            return error;
    }
    return NULL;
}

static struct error *walk_large_slot(struct image_walk *w, const struct respire_large_slot *slot)
{
    struct heap *heap = w->walk->heap;
    if (slot->mapped_bytes < slot->live_bytes || slot->mapped_bytes > w->image->held_bytes)
        return damage(w, "a large block larger than its mapping", slot->address);
    address_t at = address(slot->address);
    struct heap_region *region;
    struct error *error = heap_add_region(heap, (struct address_range){at, address_add(at, slot->mapped_bytes)},
        w->image->page_bytes, &region);
    if (error)
        return error;
    w->large_met++;
    w->large_mapped += slot->mapped_bytes;
    heap->held_bytes += slot->mapped_bytes;
    heap->direct_maps++;
    if (slot->live_bytes == 0) {
        count_free_run(w, region, at, slot->mapped_bytes);
        return NULL;
    }
    heap->live_bytes += slot->live_bytes;
    heap->meta_bytes += slot->mapped_bytes - slot->live_bytes; /* the unused end of its last page */
    heap_region_mark(region, w->image->page_bytes, at, slot->mapped_bytes, PAGE_USE_LIVE);
    struct respire_large *large = &w->walk->large[w->walk->large_count++];
    *large = (struct respire_large){at, slot->live_bytes};
    return NULL;
}

static int compare_large(const void *a, const void *b)
{
    const struct respire_large *left = a, *right = b;
    return (left->at.value > right->at.value) - (left->at.value < right->at.value);
}

static struct error *walk_large(struct image_walk *w)
{
    struct memory_view table = view_of(w->walk->view.capture);
    w->walk->large = calloc(w->image->large_slots + 1, sizeof(*w->walk->large));
    if (!w->walk->large)
        return error_no_memory();
    for (uint64_t i = 0; i < w->image->large_slots; i++) {
        struct respire_large_slot slot;
        const void *bytes = view_bytes(&table, address_add(address(w->image->large_table_address), i * sizeof(slot)),
            sizeof(slot));
        if (bytes)
            memcpy(&slot, bytes, sizeof(slot));
        if (!bytes || slot.address == 0)
            continue;
        struct error *error = walk_large_slot(w, &slot);
        if (error)
            return error;
    }
    qsort(w->walk->large, w->walk->large_count, sizeof(*w->walk->large), compare_large);
    return NULL;
}

static struct error *walk_regions(struct image_walk *w)
{
    struct heap *heap = w->walk->heap;
    for (uint64_t i = 0; i < w->image->region_count; i++) {
        address_t at = address(w->image->regions[i].address);
        uint64_t bytes = w->image->regions[i].bytes;
        struct heap_region *region;
        if (bytes > w->image->held_bytes)
            return damage(w, "a metadata region larger than the heap", at.value);
        struct error *error = heap_add_region(heap, (struct address_range){at, address_add(at, bytes)},
            w->image->page_bytes, &region);
        if (error)
            return error;
        w->regions_sum += bytes;
        heap->held_bytes += bytes;
        heap->meta_bytes += bytes;
        heap_region_mark(region, w->image->page_bytes, at, bytes, PAGE_USE_META);
    }
    return NULL;
}

/* What is left of the open holes is marked as taken, but free. It stays resident for the next allocations. */
static void count_holes(struct image_walk *w)
{
    struct heap *heap = w->walk->heap;
    for (uint64_t i = 0; i < w->image->hole_count; i++) {
        uint64_t bytes = w->image->holes[i].end - w->image->holes[i].next;
        w->hole_bytes += bytes;
        heap->free_bytes += bytes;
        heap->free_resident_bytes += presence_resident_bytes(&w->walk->view.capture->presence,
            (struct address_range){address(w->image->holes[i].next), address(w->image->holes[i].end)});
    }
    heap->live_bytes += w->taken_bytes - w->hole_bytes;
}

static void add_equations(struct image_walk *w)
{
    const struct respire_heap_image *image = w->image;
    checks_add(w->checks, "heap image not being changed", 0, image->change_count & 1);
    checks_add(w->checks, "blocks + large + metadata = held", image->held_bytes, w->walk->heap->held_bytes);
    checks_add(w->checks, "metadata regions = meta", image->meta_bytes, w->regions_sum);
    checks_add(w->checks, "blocks met = blocks counted", image->block_count, w->blocks_met);
    checks_add(w->checks, "large blocks met = counted", image->large_count, w->large_met);
    checks_add(w->checks, "sections whose bits contradict their count", 0, w->section_errors);
}

struct error *respire_heap_walk_blocks(struct respire_heap_walk *walk, const struct capture *capture, address_t at,
    struct heap *heap, struct checks *checks)
{
    struct memory_view image_view = view_of(capture);
    *walk = (struct respire_heap_walk){.view = view_of(capture), .heap = heap};
    struct image_walk w = {.walk = walk, .image = view_bytes(&image_view, at, sizeof(*w.image)), .checks = checks};
    if (!w.image || !geometry_is_sane(w.image))
        return error_new(ERROR_NOT_UNDERSTOOD, "respire heap at 0x%" PRIx64 ": impossible geometry", at.value);
    walk->block_bytes = w.image->block_bytes;
    walk->bitmap_offset = w.image->bitmap_offset;
    walk->large_threshold_bytes = w.image->large_threshold_bytes;
    struct error *error = walk_blocks(&w);
    if (!error)
        error = walk_large(&w);
    if (!error)
        error = walk_regions(&w);
    if (error)
        return error;
    count_holes(&w);
    add_equations(&w);
    return NULL;
}

static bool granule_is_taken(struct respire_heap_walk *walk, address_t at)
{
    address_t block = address(round_down(at.value, walk->block_bytes));
    if (block.value != walk->latest_block.value) {
        struct respire_block_image header;
        if (!read_block_image(walk, block, &header) || header.self_address != block.value
            || !is_power_of_two(header.granule_bytes) || header.granule_bytes < 8)
            return false;
        walk->latest_block = block;
        walk->latest_granule_bytes = header.granule_bytes;
    }
    uint64_t granule = (at.value - block.value) / walk->latest_granule_bytes;
    return bitmap_word(walk, block, granule / GRANULES_PER_WORD) >> (granule % GRANULES_PER_WORD) & 1;
}

static bool fits_large(struct respire_heap_walk *walk, address_t block, uint64_t bytes)
{
    struct respire_large key = {.at = block};
    const struct respire_large *large = walk->large_count
        ? bsearch(&key, walk->large, walk->large_count, sizeof(key), compare_large) : NULL;
    return large && large->live_bytes == bytes;
}

struct error *respire_heap_note_block(struct respire_heap_walk *walk, address_t block, uint64_t bytes)
{
    bool fits = bytes >= walk->large_threshold_bytes
        ? fits_large(walk, block, bytes)
        : granule_is_taken(walk, block) && granule_is_taken(walk, address_add(block, bytes - 1));
    if (fits) {
        walk->heap->used_blocks++;
        histogram_add(&walk->heap->used, bytes);
    } else {
        walk->misfits++;
    }
    return NULL;
}

void respire_heap_walk_release(struct respire_heap_walk *walk)
{
    free(walk->large);
    walk->large = NULL;
}
