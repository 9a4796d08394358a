/*
 * heap.c: the beginning and the end of a heap, and its tables.
 *
 * Owns the layout of the first region,
 *
 *     0      struct heap, which begins with the image
 *     2048   block table: slots, then for each kind the warm and the cold bits
 *     3072   large table
 *
 * and the rule by which a table that is full moves to a region of its own, twice as long. The region of a table
 * is found by its address; region 0 never goes before the heap does.
 */
#include "heap.h"

#include "large.h"
#include "os_memory.h"
#include "small.h"

#include <string.h>
#include <time.h>

#define BLOCK_TABLE_OFFSET (2 * KIB)
#define LARGE_TABLE_OFFSET (3 * KIB)
#define FIRST_REGION_BYTES (4 * KIB)
#define FIRST_BLOCK_SLOTS 64
#define FIRST_LARGE_SLOTS 32

/* Bits of slots: warm and cold of each kind. */
#define SLOT_BITS (2 * KINDS)
#define BLOCK_TABLE_BYTES(slots) ((slots) * sizeof(struct respire_block_slot) + SLOT_BITS * (slots) / 8)

_Static_assert(sizeof(struct heap) <= BLOCK_TABLE_OFFSET, "the heap fits before its tables");
_Static_assert(BLOCK_TABLE_BYTES(FIRST_BLOCK_SLOTS) <= LARGE_TABLE_OFFSET - BLOCK_TABLE_OFFSET, "block table");
_Static_assert(FIRST_LARGE_SLOTS * sizeof(struct respire_large_slot) <= FIRST_REGION_BYTES - LARGE_TABLE_OFFSET, "");

#ifdef RESPIRE_TESTING
uint64_t clock_test_ahead_ms;
#else
enum { clock_test_ahead_ms = 0 };
#endif

uint64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return clock_test_ahead_ms + (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void point_at_block_table(struct heap *heap, void *table, uint64_t slots)
{
    heap->image.block_table_address = (uintptr_t)table;
    heap->image.block_slots = slots;
    uint64_t *bits = (uint64_t *)table + slots;
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        heap->warm[kind] = bits + 2 * kind * (slots / 64);
        heap->cold[kind] = heap->warm[kind] + slots / 64;
    }
}

static void describe(struct heap *heap, uint64_t decay_ms, uint64_t background)
{
    struct respire_heap_image *image = &heap->image;
    image->version = RESPIRE_IMAGE_VERSION;
    image->image_bytes = RESPIRE_IMAGE_BYTES;
    image->self_address = (uintptr_t)heap;
    image->block_bytes = BLOCK_BYTES;
    image->large_threshold_bytes = LARGE_BYTES;
    image->page_bytes = PAGE_BYTES;
    image->section_bytes = SECTION_BYTES;
    image->sections_per_block = SECTIONS_PER_BLOCK;
    image->bitmap_offset = BITMAP_OFFSET;
    image->hole_count = RESPIRE_IMAGE_HOLES;
    image->held_bytes = FIRST_REGION_BYTES;
    image->meta_bytes = FIRST_REGION_BYTES;
    image->large_table_address = (uintptr_t)heap + LARGE_TABLE_OFFSET;
    image->large_slots = FIRST_LARGE_SLOTS;
    image->region_count = 1;
    image->regions[0].address = (uintptr_t)heap;
    image->regions[0].bytes = FIRST_REGION_BYTES;
    image->decay_ms = decay_ms;
    image->background = background;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    image->created_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    /* Last, so that a reader that finds the magic finds the rest. */
    uint64_t magic[RESPIRE_IMAGE_MAGIC_BYTES / 8];
    memcpy(magic, RESPIRE_IMAGE_MAGIC, RESPIRE_IMAGE_MAGIC_BYTES);
    __atomic_store_n((uint64_t *)(void *)image->magic + 1, magic[1], __ATOMIC_RELEASE);
    __atomic_store_n((uint64_t *)(void *)image->magic, magic[0], __ATOMIC_RELEASE);
}

static void initialize(struct heap *heap, uint64_t decay_ms, uint64_t background)
{
    pthread_mutex_init(&heap->lock, NULL);
    point_at_block_table(heap, (char *)heap + BLOCK_TABLE_OFFSET, FIRST_BLOCK_SLOTS);
    describe(heap, decay_ms, background);
}

static bool has_block(const struct heap *heap, enum kind kind)
{
    uint64_t any = 0;
    for (uint64_t word = 0; word < heap->image.block_slots / 64; word++)
        any |= heap->warm[kind][word] | heap->cold[kind][word];
    return any != 0;
}

bool heap_prepare(struct heap *heap)
{
    return (has_block(heap, KIND_ANY) || block_add(heap, KIND_ANY))
        && (has_block(heap, KIND_LINES) || block_add(heap, KIND_LINES));
}

struct heap *heap_create(uint64_t decay_ms, uint64_t background)
{
    if (!os_pages_fit())
        return NULL;
    struct heap *heap = os_map(FIRST_REGION_BYTES);
    if (!heap)
        return NULL;
    initialize(heap, decay_ms, background);
    return heap;
}

/* A closed state's heap with more memory than this is not worth keeping. */
#define RECYCLED_BLOCKS_MAX 4
#define RECYCLED_SECTIONS_MAX 16

static bool is_small(struct heap *heap)
{
    uint32_t sections = 0;
    if (heap->image.block_count > RECYCLED_BLOCKS_MAX || heap->image.large_count > 0
        || heap->image.block_slots != FIRST_BLOCK_SLOTS || heap->image.region_count > 1)
        return false;
    for (uint64_t slot = 0; slot < FIRST_BLOCK_SLOTS; slot++) {
        const struct block *block = block_at(heap, slot);
        for (uint32_t i = 0; block && i < SECTIONS_PER_BLOCK; i++)
            sections += block->image.sections[i].purged_pages != section_pages(block_kind(block), i);
    }
    return sections <= RECYCLED_SECTIONS_MAX;
}

bool heap_recycle(struct heap *heap)
{
    struct block *blocks[RECYCLED_BLOCKS_MAX];
    uint32_t count = 0;
    if (!is_small(heap))
        return false;
    for (uint64_t slot = 0; slot < FIRST_BLOCK_SLOTS; slot++) {
        if (block_at(heap, slot))
            blocks[count++] = block_at(heap, slot);
    }
    uint64_t decay_ms = heap->image.decay_ms;
    uint64_t background = heap->image.background;
    pthread_mutex_destroy(&heap->lock);
    memset(heap, 0, FIRST_REGION_BYTES);
    initialize(heap, decay_ms, background);
    for (uint32_t i = 0; i < count; i++)
        block_reset(heap, blocks[i]);
    return true;
}

/* Unmap neighbours with one call: blocks are asked for downwards, one below the other. */
static void unmap_blocks(struct heap *heap)
{
    uint64_t start = 0;
    uint64_t end = 0;
    for (uint64_t i = 0; i < heap->image.block_slots; i++) {
        uint64_t address = block_slots(heap)[i].address;
        if (address == 0)
            continue;
        if (start != 0 && address + BLOCK_BYTES == start) {
            start = address;
        } else if (start != 0 && address == end) {
            end += BLOCK_BYTES;
        } else {
            if (start != 0)
                os_unmap((void *)(uintptr_t)start, end - start);
            start = address;
            end = address + BLOCK_BYTES;
        }
    }
    if (start != 0)
        os_unmap((void *)(uintptr_t)start, end - start);
}

void heap_destroy(struct heap *heap)
{
    unmap_blocks(heap);
    for (uint64_t i = 0; i < heap->image.large_slots; i++) {
        struct respire_large_slot slot = large_slots(heap)[i];
        if (slot.address != 0)
            os_unmap((void *)(uintptr_t)slot.address, slot.mapped_bytes);
    }
    pthread_mutex_destroy(&heap->lock);
    memset(heap->image.magic, 0, RESPIRE_IMAGE_MAGIC_BYTES);
    for (uint64_t i = heap->image.region_count; i-- > 0;) {
        struct respire_region_image region = heap->image.regions[i];
        os_unmap((void *)(uintptr_t)region.address, region.bytes);
    }
}

bool heap_holds(struct heap *heap, const void *address)
{
    uint64_t block = (uintptr_t)block_of(address);
    bool found = false;
    heap_lock(heap);
    for (uint64_t i = 0; i < heap->image.block_slots && !found; i++)
        found = block_slots(heap)[i].address == block;
    heap_unlock(heap);
    return block != 0 && found;
}

static void measure_block(const struct block *block, struct heap_measures *measures)
{
    measures->meta_bytes += block->image.header_bytes;
    for (uint32_t i = 0; i < SECTIONS_PER_BLOCK; i++)
        measures->live_bytes += (uint64_t)section_live(&block->image.sections[i]) * block->image.granule_bytes;
}

void heap_measure(struct heap *heap, struct heap_measures *measures)
{
    memset(measures, 0, sizeof(*measures));
    heap_lock(heap);
    measures->meta_bytes = heap->image.meta_bytes;
    for (uint64_t i = 0; i < heap->image.block_slots; i++) {
        if (block_at(heap, i))
            measure_block(block_at(heap, i), measures);
    }
    for (uint64_t i = 0; i < heap->image.large_slots; i++)
        measures->live_bytes += round_up(large_slots(heap)[i].live_bytes, GRANULE_BYTES);
    heap_unlock(heap);
    for (uint32_t i = 0; i < RESPIRE_IMAGE_HOLES; i++)
        measures->live_bytes -= heap->image.holes[i].end - heap->image.holes[i].next;
}

/* Put `table` in the place of the region that holds `old_address`; what is to be unmapped is returned. Lock held. */
static struct respire_region_image replace_region(struct heap *heap, uint64_t old_address, void *table, size_t bytes)
{
    struct respire_heap_image *image = &heap->image;
    struct respire_region_image old = {0};
    uint64_t place = image->region_count;
    for (uint64_t i = 1; i < image->region_count; i++) {
        if (image->regions[i].address == old_address)
            place = i;
    }
    if (place == image->region_count)
        image->region_count++;
    else
        old = image->regions[place];
    image->regions[place].address = (uintptr_t)table;
    image->regions[place].bytes = bytes;
    image->meta_bytes += bytes - old.bytes;
    image->held_bytes += bytes - old.bytes;
    return old;
}

static void unmap_region(struct respire_region_image region)
{
    if (region.bytes != 0)
        os_unmap((void *)(uintptr_t)region.address, region.bytes);
}

bool heap_reserve_block_slot(struct heap *heap)
{
    struct respire_heap_image *image = &heap->image;
    heap_lock(heap);
    bool full = image->block_count == image->block_slots;
    heap_unlock(heap);
    if (!full)
        return true;
    uint64_t slots = image->block_slots * 2;
    size_t bytes = round_up(BLOCK_TABLE_BYTES(slots), PAGE_BYTES);
    uint64_t *table = os_map(bytes);
    if (!table)
        return false;
    heap_lock(heap);
    uint64_t *old_warm[KINDS] = {heap->warm[KIND_ANY], heap->warm[KIND_LINES]};
    uint64_t *old_cold[KINDS] = {heap->cold[KIND_ANY], heap->cold[KIND_LINES]};
    size_t old_bits_bytes = image->block_slots / 8;
    memcpy(table, block_slots(heap), image->block_slots * sizeof(struct respire_block_slot));
    structure_change_begin(heap);
    struct respire_region_image old = replace_region(heap, image->block_table_address, table, bytes);
    point_at_block_table(heap, table, slots);
    structure_change_end(heap);
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        memcpy(heap->warm[kind], old_warm[kind], old_bits_bytes);
        memcpy(heap->cold[kind], old_cold[kind], old_bits_bytes);
    }
    heap_unlock(heap);
    unmap_region(old);
    return true;
}

bool heap_reserve_large_slot(struct heap *heap)
{
    struct respire_heap_image *image = &heap->image;
    heap_lock(heap);
    /* A hash table stays fast up to three quarters. */
    bool full = image->large_count + 1 > image->large_slots / 4 * 3;
    heap_unlock(heap);
    if (!full)
        return true;
    uint64_t slots = image->large_slots * 2;
    size_t bytes = round_up(slots * sizeof(struct respire_large_slot), PAGE_BYTES);
    struct respire_large_slot *table = os_map(bytes);
    if (!table)
        return false;
    heap_lock(heap);
    large_rehash(heap, table, slots);
    structure_change_begin(heap);
    struct respire_region_image old = replace_region(heap, image->large_table_address, table, bytes);
    image->large_table_address = (uintptr_t)table;
    image->large_slots = slots;
    structure_change_end(heap);
    heap_unlock(heap);
    unmap_region(old);
    return true;
}
