/*
 * block.c: blocks come, go, and offer their sections to the allocator.
 *
 * Owns the rule of who gets which section. When a section is let go of, it is worth another visit only after
 * a sixteenth more have been freed in it: `available_below` is the count at which that is so, and the free
 * path compares with it, so nobody ever searches for sections. Each visit is paid for by that many frees, which
 * also bounds the work when all that is free is in holes too small to use.
 */
#include "block.h"

#include "bitmap.h"
#include "large.h"
#include "os_memory.h"
#include "purge.h"
#include "purger.h"

#include <string.h>

static void mark_slot(uint64_t *bits, uint32_t slot)
{
    bits[slot / 64] |= (uint64_t)1 << (slot % 64);
}

static void unmark_slot(uint64_t *bits, uint32_t slot)
{
    bits[slot / 64] &= ~((uint64_t)1 << (slot % 64));
}

bool section_is_cold(const struct block *block, uint32_t section)
{
    const struct respire_section_image *image = &block->image.sections[section];
    return section_live(image) == 0 && image->purged_pages == section_pages(block_kind(block), section);
}

void section_offer(struct heap *heap, struct block *block, uint32_t section)
{
    struct respire_section_image *image = &block->image.sections[section];
    image->available = 1;
    image->available_below = -1;
    section_changed_temperature(heap, block, section);
}

void section_changed_temperature(struct heap *heap, struct block *block, uint32_t section)
{
    if (!block->image.sections[section].available)
        return;
    enum kind kind = block_kind(block);
    mark_slot(section_is_cold(block, section) ? heap->cold[kind] : heap->warm[kind], block->image.slot);
}

void heap_note_work(struct heap *heap)
{
    /* One thread sets it and one clears it; the exchange is needed only when it looks clear. */
    if (!atomic_load_explicit(&heap->work, memory_order_relaxed) && !atomic_exchange(&heap->work, true))
        purger_wake();
}

void *section_became_free(struct heap *heap, struct block *block, uint32_t section)
{
    heap_lock(heap);
    section_offer(heap, block, section);
    heap_unlock(heap);
    heap_note_work(heap);
    return NULL;
}

static void enter_slot(struct heap *heap, struct block *block)
{
    struct respire_heap_image *image = &heap->image;
    uint64_t slot = heap->lowest_empty_slot;
    while (block_slots(heap)[slot].address != 0)
        slot++;
    structure_change_begin(heap);
    block->image.slot = (uint32_t)slot;
    block_slots(heap)[slot].address = (uintptr_t)block;
    image->block_count++;
    image->held_bytes += BLOCK_BYTES;
    structure_change_end(heap);
    heap->lowest_empty_slot = slot + 1;
}

struct block *block_add(struct heap *heap, enum kind kind)
{
    struct block *block = os_map_aligned(BLOCK_BYTES, BLOCK_BYTES, heap->next_block_hint);
    if (!block && heap_make_room(heap))
        block = os_map_aligned(BLOCK_BYTES, BLOCK_BYTES, 0);
    if (!block)
        return NULL;
    /* Downwards, as the kernel itself does: neighbours merge into one mapping. */
    heap->next_block_hint = (uintptr_t)block - BLOCK_BYTES;
    os_small_pages(block, BLOCK_BYTES);
    block->image.self_address = (uintptr_t)block;
    block->image.heap_address = (uintptr_t)heap;
    block->image.granule_bytes = (uint32_t)kind_granule_bytes(kind);
    block->image.header_bytes = (uint32_t)header_bytes(kind);
    block->image.bitmap_bytes = (uint32_t)(header_bytes(kind) - BITMAP_OFFSET);
    if (!heap_reserve_block_slot(heap)) {
        os_unmap(block, BLOCK_BYTES);
        return NULL;
    }
    heap_lock(heap);
    enter_slot(heap, block);
    heap->fresh = block;
    for (uint32_t i = 0; i < SECTIONS_PER_BLOCK; i++) {
        block->image.sections[i].purged_pages = section_pages(kind, i);
        section_offer(heap, block, i);
    }
    heap_unlock(heap);
    large_make_way(heap, BLOCK_BYTES);
    return block;
}

void block_reset(struct heap *heap, struct block *block)
{
    enum kind kind = block_kind(block);
    size_t words = section_granules(kind) / 64;
    heap_lock(heap);
    enter_slot(heap, block);
    for (uint32_t i = 0; i < SECTIONS_PER_BLOCK; i++) {
        struct respire_section_image *section = &block->image.sections[i];
        /* Bits were set only where there is memory now. */
        if (section_live(section) > 0)
            memset(&block->bitmap[i * words], 0, words * sizeof(uint64_t));
        section_set_live(section, 0);
        section->state = RESPIRE_SECTION_IDLE;
        section->seen_live = SECTION_UNSEEN;
        section_offer(heap, block, i);
    }
    heap_unlock(heap);
}

void block_detach(struct heap *heap, struct block *block)
{
    uint32_t slot = block->image.slot;
    structure_change_begin(heap);
    block_slots(heap)[slot].address = 0;
    heap->image.block_count--;
    heap->image.held_bytes -= BLOCK_BYTES;
    structure_change_end(heap);
    unmark_slot(heap->warm[block_kind(block)], slot);
    unmark_slot(heap->cold[block_kind(block)], slot);
    if (slot < heap->lowest_empty_slot)
        heap->lowest_empty_slot = slot;
}

/* The first section of the block that is offered, is (not) cold as asked, and is roomy if it must be. `*more` tells
   whether there is any offered one of that temperature at all, taken or not. */
static int find_section(struct block *block, bool cold, bool roomy, bool *more)
{
    enum kind kind = block_kind(block);
    *more = false;
    for (uint32_t i = 0; i < SECTIONS_PER_BLOCK; i++) {
        struct respire_section_image *section = &block->image.sections[i];
        if (!section->available || section_is_cold(block, i) != cold)
            continue;
        uint32_t limit = section_capacity(kind, i) - worth_a_visit(kind);
        uint32_t live = section_live(section);
        if (live > limit) {
            /* A medium object took the room since. */
            section->available = 0;
            section->available_below = (int16_t)limit;
            continue;
        }
        *more = true;
        if (section->state == RESPIRE_SECTION_IDLE && (!roomy || live <= limit / 2))
            return (int)i;
    }
    return -1;
}

static void claim(struct heap *heap, struct lane *lane, struct block *block, uint32_t number)
{
    struct respire_section_image *section = &block->image.sections[number];
    lane->block = block;
    lane->section = number;
    lane->scanned = section_first_granule(block_kind(block), number);
    lane->claimed_live = section_live(section);
    lane->opened = 0;
    section->state = RESPIRE_SECTION_CLAIMED;
    section->available = 0;
    section->available_below = -1;
    section->seen_live = SECTION_UNSEEN;
    block->image.absent_bitmap &= ~bitmap_page_bit(block, number);
    if (heap->fresh == block)
        heap->fresh = NULL;
}

/* Look through at most `tries` blocks of one kind and temperature, the lowest first. */
static bool claim_from(struct heap *heap, struct lane *lane, uint64_t *bits, bool cold, bool roomy, uint32_t tries)
{
    for (uint32_t word = 0; word < heap->image.block_slots / 64; word++) {
        for (uint64_t left = bits[word]; left != 0; left &= left - 1) {
            if (tries-- == 0)
                return false;
            uint32_t slot = word * 64 + (uint32_t)__builtin_ctzll(left);
            struct block *block = block_at(heap, slot);
            bool more;
            int found = find_section(block, cold, roomy, &more);
            if (!more)
                unmark_slot(bits, slot);
            if (found < 0)
                continue;
            claim(heap, lane, block, (uint32_t)found);
            return true;
        }
    }
    return false;
}

/* A search for a roomy section gives up early: a new block is cheaper than looking through a large heap. */
#define ROOMY_TRIES 16

bool section_claim(struct heap *heap, struct lane *lane, enum kind kind, bool roomy)
{
    heap_lock(heap);
    bool claimed = claim_from(heap, lane, heap->warm[kind], false, roomy, roomy ? ROOMY_TRIES : UINT32_MAX)
        || claim_from(heap, lane, heap->cold[kind], true, roomy, UINT32_MAX);
    heap_unlock(heap);
    if (claimed || !block_add(heap, kind))
        return claimed;
    heap_lock(heap);
    claimed = claim_from(heap, lane, heap->cold[kind], true, roomy, UINT32_MAX);
    heap_unlock(heap);
    return claimed;
}

void section_release(struct heap *heap, struct lane *lane, bool unscanned)
{
    struct block *block = lane->block;
    struct respire_section_image *section = &block->image.sections[lane->section];
    enum kind kind = block_kind(block);
    uint32_t visit = worth_a_visit(kind);
    uint32_t live = section_live(section);
    uint32_t limit = section_capacity(kind, lane->section) - visit;
    /* What was freed since the claim, behind the scan for all we know. */
    uint32_t freed = lane->claimed_live + lane->opened - live;
    bool offer = live <= limit && (unscanned || live == 0 || freed >= visit);
    heap_lock(heap);
    section->state = RESPIRE_SECTION_IDLE;
    if (offer) {
        section_offer(heap, block, lane->section);
    } else {
        uint32_t wanted = freed < visit ? visit - freed : 0;
        uint32_t below = live > wanted ? live - wanted : 0;
        section->available_below = (int16_t)(below < limit ? below : limit);
    }
    heap_unlock(heap);
    lane->block = NULL;
    if (offer)
        heap_note_work(heap);
}
