/*
 * purge.c: give free memory of one heap back to the system.
 *
 * Owns the rule of what is free long enough, and the dance that keeps the mutator from ever waiting: under the
 * lock the pages are picked and their sections marked PURGING, so that nobody allocates there; the lock is let go
 * of; the pages are returned; the sections become idle again under the lock. Objects in such a section may be freed
 * all the while: bits only go from taken to free there, which can't make a picked page less free.
 *
 * Nothing stamps a time on a free. Instead each pass remembers in the section which pages it saw free, for two passes
 * back; a claim by the allocator wipes that. The `gate` is held while a block is worked on, so that fork finds
 * nothing half done.
 */
#include "purge.h"

#include "bitmap.h"
#include "block.h"
#include "large.h"
#include "os_memory.h"

/* One call on more would hold the address space's lock for longer than a page fault should wait. */
#define BATCH_BYTES (256 * KIB)

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

void purge_gate_close(void)
{
    pthread_mutex_lock(&gate);
}

void purge_gate_open(void)
{
    pthread_mutex_unlock(&gate);
}

static uint16_t free_pages(const struct block *block, uint32_t section)
{
    uint32_t live = section_live(&block->image.sections[section]);
    if (live == 0)
        return section_pages(section);
    if (live > section_capacity_granules(section) - GRANULES_PER_PAGE)
        return 0;
    uint32_t pages = 0;
    for (uint32_t page = 0; page < PAGES_PER_SECTION; page++) {
        uint32_t word = (section * GRANULES_PER_SECTION + page * GRANULES_PER_PAGE) / 64;
        uint64_t taken = 0;
        for (uint32_t i = 0; i < GRANULES_PER_PAGE / 64; i++)
            taken |= bitmap_word(block, word + i);
        pages |= (uint32_t)(taken == 0) << page;
    }
    return (uint16_t)pages & section_pages(section);
}

struct pick {
    uint16_t pages[SECTIONS_PER_BLOCK];
    bool any;   /* at least one page */
    bool whole; /* nothing at all is left in the block */
};

/* What of this block may go now; remembers what was seen. Lock held. */
static void pick_pages(struct block *block, bool now, struct pick *pick, bool *pending)
{
    pick->any = false;
    pick->whole = true;
    for (uint32_t i = 0; i < SECTIONS_PER_BLOCK; i++) {
        struct respire_section_image *section = &block->image.sections[i];
        pick->pages[i] = 0;
        if (section->state != RESPIRE_SECTION_IDLE) {
            pick->whole = false;
            continue;
        }
        uint16_t seen = free_pages(block, i);
        uint16_t old_enough = now ? seen : seen & section->free_once & section->free_twice;
        section->free_twice = seen & section->free_once;
        section->free_once = seen;
        pick->pages[i] = old_enough & (uint16_t)~section->purged_pages;
        pick->any |= pick->pages[i] != 0;
        pick->whole &= section_live(section) == 0 && old_enough == section_pages(i);
        *pending |= (seen & ~old_enough & ~section->purged_pages) != 0;
    }
}

static void mark(struct block *block, const struct pick *pick)
{
    for (uint32_t i = 0; i < SECTIONS_PER_BLOCK; i++) {
        if (pick->pages[i] != 0)
            block->image.sections[i].state = RESPIRE_SECTION_PURGING;
    }
}

/* Idle again, and offered as cold where nothing is left. Lock held. */
static void unmark(struct heap *heap, struct block *block, const struct pick *pick)
{
    for (uint32_t i = 0; i < SECTIONS_PER_BLOCK; i++) {
        struct respire_section_image *section = &block->image.sections[i];
        if (pick->pages[i] == 0)
            continue;
        section->state = RESPIRE_SECTION_IDLE;
        section->purged_pages |= pick->pages[i];
        section_changed_temperature(heap, block, i);
    }
}

static void discard(char *start, size_t bytes, struct purge_result *result)
{
    while (bytes > 0) {
        size_t batch = bytes < BATCH_BYTES ? bytes : BATCH_BYTES;
        if (os_discard(start, batch))
            result->bytes += batch;
        result->calls++;
        start += batch;
        bytes -= batch;
    }
}

/* Runs of picked pages, across sections, one call each. */
static void discard_picked(struct block *block, const struct pick *pick, struct purge_result *result)
{
    size_t run_start = 0;
    size_t run_bytes = 0;
    for (uint32_t page = 0; page < SECTIONS_PER_BLOCK * PAGES_PER_SECTION; page++) {
        bool picked = pick->pages[page / PAGES_PER_SECTION] >> (page % PAGES_PER_SECTION) & 1;
        if (picked) {
            if (run_bytes == 0)
                run_start = page * PAGE_BYTES;
            run_bytes += PAGE_BYTES;
        }
        if (run_bytes > 0 && (!picked || page + 1 == SECTIONS_PER_BLOCK * PAGES_PER_SECTION)) {
            discard((char *)block + run_start, run_bytes, result);
            run_bytes = 0;
        }
    }
}

/* Bytes of the block that have pages, before it goes as a whole. */
static uint64_t resident_bytes(const struct block *block)
{
    uint64_t pages = HEADER_PAGES;
    for (uint32_t i = 0; i < SECTIONS_PER_BLOCK; i++) {
        uint16_t present = section_pages(i) & (uint16_t)~block->image.sections[i].purged_pages;
        pages += (uint32_t)__builtin_popcount(present);
    }
    return pages * PAGE_BYTES;
}

static void return_mapping(char *start, size_t bytes, struct purge_result *result)
{
    /* Frames first and in batches: unmapping what is empty holds the address space's lock for a moment only. */
    struct purge_result frames = {0};
    discard(start, bytes, &frames);
    os_unmap(start, bytes);
    result->calls += frames.calls + 1;
}

static void purge_block(struct heap *heap, uint64_t slot, bool now, struct purge_result *result)
{
    struct purge_result here = {0};
    struct pick pick;
    heap_lock(heap);
    struct block *block = NULL;
    if (slot < heap->image.block_slots)
        block = (struct block *)(uintptr_t)block_slots(heap)[slot].address;
    if (!block) {
        heap_unlock(heap);
        return;
    }
    pick_pages(block, now, &pick, &result->pending);
    if (pick.whole && block != heap->fresh) {
        here.bytes = resident_bytes(block);
        block_detach(heap, block);
        heap_unlock(heap);
        return_mapping((char *)block, BLOCK_BYTES, &here);
        heap_lock(heap);
    } else if (pick.any) {
        mark(block, &pick);
        heap_unlock(heap);
        discard_picked(block, &pick, &here);
        heap_lock(heap);
        unmark(heap, block, &pick);
    }
    heap->image.purged_bytes_total += here.bytes;
    heap->image.purge_count += here.calls;
    heap_unlock(heap);
    result->bytes += here.bytes;
    result->calls += here.calls;
}

/* One free large mapping that is old enough. False: there is none. */
static bool purge_large(struct heap *heap, uint64_t age_ms, struct purge_result *result)
{
    struct purge_result here = {0};
    void *address;
    size_t bytes;
    heap_lock(heap);
    bool found = large_detach_free(heap, age_ms, &address, &bytes, &result->pending);
    heap_unlock(heap);
    if (!found)
        return false;
    here.bytes = bytes;
    return_mapping(address, bytes, &here);
    heap_lock(heap);
    heap->image.purged_bytes_total += here.bytes;
    heap->image.purge_count += here.calls;
    heap_unlock(heap);
    result->bytes += here.bytes;
    result->calls += here.calls;
    return true;
}

void heap_purge(struct heap *heap, bool now, struct purge_result *result)
{
    uint64_t age_ms = now ? 0 : heap->image.decay_ms;
    heap_lock(heap);
    uint64_t slots = heap->image.block_slots;
    heap_unlock(heap);
    for (uint64_t i = 0; i < slots && !atomic_load(&heap->abandoned); i++) {
        purge_gate_close();
        purge_block(heap, i, now, result);
        purge_gate_open();
    }
    bool more = true;
    while (more && !atomic_load(&heap->abandoned)) {
        purge_gate_close();
        more = purge_large(heap, age_ms, result);
        purge_gate_open();
    }
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
