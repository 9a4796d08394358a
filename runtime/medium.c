/*
 * medium.c: objects of 8 to 128 KiB, into any run of free granules of one block.
 *
 * Such a run may cross from one section into the next, so it can't be cut from a lane's claim. The run is searched
 * and taken under the heap's lock, in sections that are idle: lanes and the purger never see it half done.
 *
 * Owns the cursor, below which nothing is expected to be free in the block that was allocated from last: programs that
 * build strings take and free such objects over and over, and find them where they freed them. Elsewhere it is a
 * bitmap search of 32 KiB per block, so the number of blocks looked at is bounded, and a new block follows.
 */
#include "small.h"

#define BLOCKS_TO_SEARCH 16
#define PAGE_GRANULES ((uint32_t)(PAGE_BYTES / GRANULE_BYTES))

static uint32_t block_free_granules(const struct block *block)
{
    uint32_t taken = section_first_granule(KIND_ANY, 0);
    for (uint32_t i = 0; i < SECTIONS_PER_BLOCK; i++)
        taken += section_live(&block->image.sections[i]);
    return (uint32_t)(BLOCK_BYTES / GRANULE_BYTES) - taken;
}

/* A run of `wanted` free granules in idle sections, not before `from`; 0 (the header's) when there is none. */
static uint32_t find_run(const struct block *block, uint32_t from, uint32_t wanted)
{
    uint32_t section = from / section_granules(KIND_ANY);
    while (section < SECTIONS_PER_BLOCK) {
        /* A stretch of idle sections, searched as one. */
        uint32_t end = section;
        while (end < SECTIONS_PER_BLOCK && block->image.sections[end].state == RESPIRE_SECTION_IDLE)
            end++;
        if (end > section) {
            uint32_t at = section_first_granule(KIND_ANY, section);
            at = at > from ? at : from;
            if (bitmap_find_hole(block, &at, end * section_granules(KIND_ANY), wanted) != 0)
                return at;
        }
        section = end + 1;
    }
    return 0;
}

static void take_run(struct heap *heap, struct block *block, uint32_t granule, uint32_t count)
{
    bitmap_change(block, granule, count, true);
    heap_note_opened(heap, count * GRANULE_BYTES);
    uint32_t end = granule + count;
    while (granule < end) {
        uint32_t section_number = granule / section_granules(KIND_ANY);
        uint32_t section_end = (section_number + 1) * section_granules(KIND_ANY);
        uint32_t here_end = end < section_end ? end : section_end;
        struct respire_section_image *section = &block->image.sections[section_number];
        section_set_live(section, section_live(section) + here_end - granule);
        uint32_t first_page = granule % section_granules(KIND_ANY) / PAGE_GRANULES;
        uint32_t last_page = (here_end - 1) % section_granules(KIND_ANY) / PAGE_GRANULES;
        uint16_t touched = (uint16_t)bit_run(first_page, last_page - first_page + 1);
        section->purged_pages &= (uint16_t)~touched;
        section->seen_live = SECTION_UNSEEN;
        block->image.absent_bitmap &= ~bitmap_page_bit(block, section_number);
        /* What is left of a cold section is warm now. */
        section_changed_temperature(heap, block, section_number);
        granule = here_end;
    }
}

static void *take_from_slot(struct heap *heap, uint32_t slot, uint32_t from, uint32_t wanted)
{
    struct block *block = block_at(heap, slot);
    if (!block || block_kind(block) != KIND_ANY || (from == 0 && block_free_granules(block) < wanted))
        return NULL;
    uint32_t granule = find_run(block, from, wanted);
    if (granule == 0)
        return NULL;
    take_run(heap, block, granule, wanted);
    heap->medium_slot = slot;
    heap->medium_cursor = granule + wanted;
    if (heap->fresh == block)
        heap->fresh = NULL;
    return (char *)block + granule * GRANULE_BYTES;
}

/* From the cursor on, then in all of that block, then in the next ones. */
static void *take_from_any(struct heap *heap, uint32_t wanted)
{
    uint32_t slots = (uint32_t)heap->image.block_slots;
    uint32_t slot = heap->medium_slot;
    uint32_t searched = 0;
    void *object = take_from_slot(heap, slot, heap->medium_cursor, wanted);
    for (uint32_t i = 0; i < slots && searched < BLOCKS_TO_SEARCH && !object; i++) {
        searched += block_at(heap, slot) != NULL;
        object = take_from_slot(heap, slot, 0, wanted);
        slot = slot + 1 < slots ? slot + 1 : 0;
    }
    return object;
}

void *medium_allocate(struct heap *heap, size_t bytes)
{
    uint32_t wanted = (uint32_t)(bytes / GRANULE_BYTES);
    heap_lock(heap);
    void *object = take_from_any(heap, wanted);
    heap_unlock(heap);
    if (object)
        return object;
    struct block *block = block_add(heap, KIND_ANY);
    if (!block)
        return NULL;
    heap_lock(heap);
    /* The purger can't have detached it meanwhile: it leaves heap->fresh alone. */
    object = take_from_slot(heap, block->image.slot, 0, wanted);
    heap_unlock(heap);
    return object;
}

void medium_free(struct heap *heap, void *object, size_t bytes)
{
    uint32_t granule = offset_in_block(object) / (uint32_t)GRANULE_BYTES;
    if (block_of(object)->image.slot == heap->medium_slot && granule < heap->medium_cursor)
        heap->medium_cursor = granule;
    granules_free(heap, object, bytes);
}

bool medium_grow(struct heap *heap, void *object, size_t old_bytes, size_t new_bytes)
{
    struct block *block = block_of(object);
    uint32_t end = (offset_in_block(object) + (uint32_t)old_bytes) / (uint32_t)GRANULE_BYTES;
    uint32_t count = (uint32_t)((new_bytes - old_bytes) / GRANULE_BYTES);
    if ((end + count) * GRANULE_BYTES > BLOCK_BYTES)
        return false;
    heap_lock(heap);
    bool grows = true;
    for (uint32_t i = end / section_granules(KIND_ANY); i <= (end + count - 1) / section_granules(KIND_ANY); i++)
        grows &= block->image.sections[i].state == RESPIRE_SECTION_IDLE;
    uint32_t at = end;
    grows = grows && bitmap_find_hole(block, &at, end + count, count) != 0;
    if (grows)
        take_run(heap, block, end, count);
    heap_unlock(heap);
    return grows;
}
