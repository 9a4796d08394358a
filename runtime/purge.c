/*
 * purge.c: give free memory of one heap back to the system.
 *
 * Owns the choice of what goes first, and the dance that keeps the mutator from ever waiting. The choice: pages of
 * blocks of which most is free, since those go in the fewest calls and may empty the block, and of the highest
 * blocks, since the mutator reuses the lowest. The dance: under the lock the pages are picked and their sections
 * marked PURGING, so that nobody allocates there; the lock is let go of; the pages are returned; the sections become
 * idle again under the lock. Objects in such a section may be freed all the while: bits only go from taken to free
 * there, which can't make a picked page less free.
 *
 * The unit is a group of sections, under one page of the bitmap. The `gate` is held while a group is worked on, so
 * that fork finds nothing half done.
 */
#include "purge.h"

#include "bitmap.h"
#include "block.h"
#include "large.h"
#include "os_memory.h"

/* One call on more would hold the address space's lock for longer than a page fault should wait. */
#define BATCH_BYTES (256 * KIB)

/* One page of the bitmap of 16-byte granules. */
#define SECTIONS_PER_GROUP 8u

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

void purge_gate_close(void)
{
    pthread_mutex_lock(&gate);
}

void purge_gate_open(void)
{
    pthread_mutex_unlock(&gate);
}

/* One pass: what is to be returned still, and what was. */
struct pass {
    struct heap *heap;
    uint64_t excess_pages;
    uint64_t bytes;
    uint64_t calls;
    bool refused; /* the system takes nothing back: the memory is locked */
};

static uint16_t scan_section(const struct block *block, enum kind kind, uint32_t section)
{
    uint32_t words_per_page = section_granules(kind) / PAGES_PER_SECTION / 64;
    uint32_t word = section * section_granules(kind) / 64;
    uint32_t pages = 0;
    for (uint32_t page = 0; page < PAGES_PER_SECTION; page++) {
        uint64_t taken = 0;
        for (uint32_t i = 0; i < words_per_page; i++)
            taken |= bitmap_word(block, word + page * words_per_page + i);
        pages |= (uint32_t)(taken == 0) << page;
    }
    return (uint16_t)pages & section_pages(kind, section);
}

/* The free pages of an idle section that have memory. Lock held. Nothing is looked at that did not change. */
static uint16_t purgeable_pages(struct block *block, uint32_t number)
{
    struct respire_section_image *section = &block->image.sections[number];
    enum kind kind = block_kind(block);
    if (section->state != RESPIRE_SECTION_IDLE)
        return 0;
    uint32_t live = section_live(section);
    if (section->seen_live != live) {
        /* Read before the bits: what is freed meanwhile is looked at again in the next pass. */
        section->seen_live = (uint16_t)live;
        section->free_pages = live == 0 ? section_pages(kind, number) : scan_section(block, kind, number);
    }
    return section->free_pages & (uint16_t)~section->purged_pages;
}

/* NULL when the slot is empty. Lock held. */
static struct block *block_in(struct heap *heap, uint64_t slot)
{
    return slot < heap->image.block_slots ? block_at(heap, slot) : NULL;
}

/* The lock is let go of after each group: looking through a large block takes longer than the mutator should wait. */
static uint32_t count_purgeable(struct heap *heap, uint64_t slot)
{
    uint32_t count = 0;
    for (uint32_t first = 0; first < SECTIONS_PER_BLOCK; first += SECTIONS_PER_GROUP) {
        heap_lock(heap);
        struct block *block = block_in(heap, slot);
        for (uint32_t i = first; block && i < first + SECTIONS_PER_GROUP; i++)
            count += (uint32_t)__builtin_popcount(purgeable_pages(block, i));
        heap_unlock(heap);
        if (!block)
            break;
    }
    return count;
}

static uint64_t slot_count(struct heap *heap)
{
    heap_lock(heap);
    uint64_t slots = heap->image.block_slots;
    heap_unlock(heap);
    return slots;
}

static uint64_t purgeable_in_heap(struct heap *heap)
{
    uint64_t slots = slot_count(heap);
    uint64_t count = 0;
    for (uint64_t slot = 0; slot < slots && !atomic_load(&heap->abandoned); slot++)
        count += count_purgeable(heap, slot);
    return count;
}

struct pick {
    uint16_t pages[SECTIONS_PER_GROUP];
    uint64_t count;
    bool bitmap; /* nothing at all is left in the group, so its bitmap is all zero: that may go, too */
};

/* Mark what may go of a group, at most the excess, the highest first. Lock held. */
static void pick_pages(struct block *block, uint32_t first, uint64_t excess_pages, struct pick *pick)
{
    pick->count = 0;
    pick->bitmap = block_kind(block) == KIND_ANY && !(block->image.absent_bitmap & bitmap_page_bit(block, first));
    for (uint32_t i = SECTIONS_PER_GROUP; i-- > 0;) {
        struct respire_section_image *section = &block->image.sections[first + i];
        uint32_t pages = purgeable_pages(block, first + i);
        for (uint32_t count = (uint32_t)__builtin_popcount(pages); count > excess_pages - pick->count; count--)
            pages &= pages - 1;
        pick->pages[i] = (uint16_t)pages;
        pick->count += (uint32_t)__builtin_popcount(pages);
        uint16_t gone = (uint16_t)(section->purged_pages | pages);
        pick->bitmap &= section->state == RESPIRE_SECTION_IDLE && section_live(section) == 0
            && gone == section_pages(KIND_ANY, first + i);
    }
    for (uint32_t i = 0; i < SECTIONS_PER_GROUP; i++) {
        if (pick->pages[i] != 0 || pick->bitmap)
            block->image.sections[first + i].state = RESPIRE_SECTION_PURGING;
    }
}

/* Idle again, and offered as cold where nothing is left. Lock held. */
static void unmark(struct heap *heap, struct block *block, uint32_t first, const struct pick *pick, bool gone)
{
    if (gone && pick->bitmap)
        block->image.absent_bitmap |= bitmap_page_bit(block, first);
    for (uint32_t i = 0; i < SECTIONS_PER_GROUP; i++) {
        struct respire_section_image *section = &block->image.sections[first + i];
        if (section->state != RESPIRE_SECTION_PURGING)
            continue;
        section->state = RESPIRE_SECTION_IDLE;
        if (gone)
            section->purged_pages |= pick->pages[i];
        section_changed_temperature(heap, block, first + i);
    }
}

static void discard(struct pass *pass, char *start, size_t bytes)
{
    while (bytes > 0 && !pass->refused) {
        size_t batch = bytes < BATCH_BYTES ? bytes : BATCH_BYTES;
        pass->refused = !os_discard(start, batch);
        pass->calls++;
        start += batch;
        bytes -= batch;
    }
}

/* Runs of picked pages, across sections, one call each. */
static void discard_picked(struct pass *pass, char *start, const struct pick *pick)
{
    uint32_t run = 0;
    for (uint32_t page = 0; page <= SECTIONS_PER_GROUP * PAGES_PER_SECTION; page++) {
        bool picked = page < SECTIONS_PER_GROUP * PAGES_PER_SECTION
            && (pick->pages[page / PAGES_PER_SECTION] >> (page % PAGES_PER_SECTION) & 1);
        if (picked) {
            run++;
        } else if (run > 0) {
            discard(pass, start + (page - run) * PAGE_BYTES, run * PAGE_BYTES);
            run = 0;
        }
    }
}

static void purge_group(struct pass *pass, uint64_t slot, uint32_t first)
{
    struct heap *heap = pass->heap;
    struct pick pick;
    heap_lock(heap);
    struct block *block = block_in(heap, slot);
    if (block)
        pick_pages(block, first, pass->excess_pages, &pick);
    heap_unlock(heap);
    if (!block || (pick.count == 0 && !pick.bitmap))
        return;
    discard_picked(pass, (char *)block + first * SECTION_BYTES, &pick);
    /* Its sections are marked, so nobody sets a bit. */
    if (pick.bitmap)
        discard(pass, (char *)block + BITMAP_OFFSET + first / SECTIONS_PER_GROUP * PAGE_BYTES, PAGE_BYTES);
    bool gone = !pass->refused;
    if (gone) {
        pass->bytes += (pick.count + pick.bitmap) * PAGE_BYTES;
        pass->excess_pages -= pick.count;
    }
    heap_lock(heap);
    unmark(heap, block, first, &pick, gone);
    heap_unlock(heap);
}

static bool may_go_on(const struct pass *pass)
{
    return pass->excess_pages > 0 && !pass->refused && !atomic_load(&pass->heap->abandoned);
}

/* Visit the blocks of which at least `share` pages may go, highest first. */
static void purge_blocks(struct pass *pass, uint32_t share)
{
    for (uint64_t slot = slot_count(pass->heap); slot-- > 0 && may_go_on(pass);) {
        if (count_purgeable(pass->heap, slot) < share)
            continue;
        for (uint32_t first = SECTIONS_PER_BLOCK; first > 0 && may_go_on(pass);) {
            first -= SECTIONS_PER_GROUP;
            purge_gate_close();
            purge_group(pass, slot, first);
            purge_gate_open();
        }
    }
}

/* The block, out of the table, if nothing is left in it; else NULL. Lock held. */
static struct block *take_out(struct heap *heap, uint64_t slot)
{
    struct block *block = block_in(heap, slot);
    if (!block || block == heap->fresh)
        return NULL;
    for (uint32_t i = 0; i < SECTIONS_PER_BLOCK; i++) {
        if (block->image.sections[i].state != RESPIRE_SECTION_IDLE || !section_is_cold(block, i))
            return NULL;
    }
    block_detach(heap, block);
    return block;
}

/* Blocks in which nothing is left are a header and address space; they go when nothing else is left to go. */
static void unmap_empty_blocks(struct pass *pass)
{
    for (uint64_t slot = slot_count(pass->heap); slot-- > 0 && !atomic_load(&pass->heap->abandoned);) {
        purge_gate_close();
        heap_lock(pass->heap);
        struct block *block = take_out(pass->heap, slot);
        heap_unlock(pass->heap);
        if (block) {
            os_unmap(block, BLOCK_BYTES);
            pass->calls++;
        }
        purge_gate_open();
    }
}

/* One free large mapping that is old enough. False: there is none. */
static bool purge_large(struct pass *pass, uint64_t age_ms, bool *pending)
{
    void *address;
    size_t bytes;
    heap_lock(pass->heap);
    bool found = large_detach_free(pass->heap, age_ms, &address, &bytes, pending);
    heap_unlock(pass->heap);
    if (!found)
        return false;
    /* Frames first and in batches: unmapping what is empty holds the address space's lock for a moment only. */
    bool refused = pass->refused;
    discard(pass, address, bytes);
    pass->refused = refused;
    os_unmap(address, bytes);
    pass->calls++;
    pass->bytes += bytes;
    return true;
}

static uint64_t allowed_pages(struct heap *heap, uint64_t pages, uint64_t decay_ms)
{
    uint64_t opened_bytes = __atomic_load_n(&heap->opened_bytes, __ATOMIC_RELAXED);
    uint64_t taken_pages = (opened_bytes - heap->opened_bytes_seen) / PAGE_BYTES;
    heap->opened_bytes_seen = opened_bytes;
    return decay_allowance(&heap->decay, pages, taken_pages, clock_ms(), decay_ms);
}

void heap_purge(struct heap *heap, bool now, struct purge_result *result)
{
    uint64_t decay_ms = __atomic_load_n(&heap->image.decay_ms, __ATOMIC_RELAXED);
    uint64_t pages = purgeable_in_heap(heap);
    uint64_t allowance = now ? 0 : allowed_pages(heap, pages, decay_ms);
    struct pass pass = {.heap = heap, .excess_pages = pages > allowance ? pages - allowance : 0};
    uint64_t before_pages = pass.excess_pages;
    for (uint32_t share = SECTIONS_PER_BLOCK * PAGES_PER_SECTION / 2; share > 0 && may_go_on(&pass); share /= 8)
        purge_blocks(&pass, share);
    uint64_t left_pages = pages - (before_pages - pass.excess_pages);
    if (!now)
        decay_settle(&heap->decay, left_pages);
    bool more = true;
    while (more && !atomic_load(&heap->abandoned)) {
        purge_gate_close();
        more = purge_large(&pass, now ? 0 : decay_ms, &result->pending);
        purge_gate_open();
    }
    if (left_pages == 0)
        unmap_empty_blocks(&pass);
    result->pending |= left_pages > 0 && !pass.refused;
    result->bytes += pass.bytes;
    result->calls += pass.calls;
    heap_lock(heap);
    heap->image.purged_bytes_total += pass.bytes;
    heap->image.purge_count += pass.calls;
    heap_unlock(heap);
}

static uint64_t held_bytes(struct heap *heap)
{
    heap_lock(heap);
    uint64_t bytes = heap->image.held_bytes;
    heap_unlock(heap);
    return bytes;
}

bool heap_make_room(struct heap *heap)
{
    uint64_t before_bytes = held_bytes(heap);
    struct purge_result result = {0};
    heap_purge(heap, true, &result);
    return held_bytes(heap) < before_bytes;
}
