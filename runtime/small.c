/*
 * small.c: the slow half of allocation into holes.
 *
 * Owns the lanes. A lane walks through its claimed section from front to back, opening one hole after the other;
 * when the section is used up, it claims the next. Opening a hole sets its bits and counts at once, which leaves
 * one addition to the fast path. Objects that miss the hole of their kind and are bigger than MISS_BYTES go to the
 * lane for big ones, which claims sections that are half empty: the hole is then not given up for one object, and
 * bigger objects do not hunt through small holes.
 */
#include "small.h"

#include "os_memory.h"

#define MISS_BYTES 128

/* Holes below 64 bytes cost more to open than they hold. */
#define SMALLEST_HOLE_BYTES 64

/* A hole makes its pages resident when it opens, and each lane has a page or more of its own. So in a heap this young
   all share one lane, and holes are short: there are hosts with many small states. */
#define YOUNG_BYTES (256 * KIB)

/* `count` granules, all in one section, become free. */
static void section_free(struct heap *heap, struct block *block, uint32_t section_number, uint32_t granule,
                         uint32_t count)
{
    struct respire_section_image *section = &block->image.sections[section_number];
    bitmap_change(block, granule, count, false);
    uint32_t live = section_live(section) - count;
    section_set_live(section, live);
    if ((int32_t)live <= section->available_below)
        section_became_free(heap, block, section_number);
}

void *granules_free(struct heap *heap, void *start, size_t bytes)
{
    struct block *block = block_of(start);
    uint32_t granule_bytes = block->image.granule_bytes;
    uint32_t per_section = (uint32_t)SECTION_BYTES / granule_bytes;
    uint32_t granule = offset_in_block(start) / granule_bytes;
    uint32_t count = (uint32_t)bytes / granule_bytes;
    if (offset_in_block(start) + bytes > BLOCK_BYTES || !bitmap_is_taken(block, granule, count))
        corruption_found("double free, or a free with the wrong size", start, bytes);
    while (count > 0) {
        uint32_t here = per_section - granule % per_section;
        if (here > count)
            here = count;
        section_free(heap, block, granule / per_section, granule, here);
        granule += here;
        count -= here;
    }
    return NULL;
}

static size_t hole_bytes_max(const struct heap *heap, size_t wanted_bytes)
{
    size_t bytes = round_up(heap->opened_bytes / 16 + wanted_bytes, PAGE_BYTES);
    return bytes < SECTION_BYTES ? bytes : SECTION_BYTES;
}

/* Pages of the hole that were returned get memory again, in one call rather than by as many faults. */
static __attribute__((noinline)) void make_resident(struct respire_section_image *section,
                                                    const struct respire_hole_image *hole)
{
    char *start = (char *)(uintptr_t)(hole->next & ~(uint64_t)(SECTION_BYTES - 1));
    uint32_t first = (uint32_t)(hole->next % SECTION_BYTES / PAGE_BYTES);
    uint32_t last = (uint32_t)((hole->end - 1) % SECTION_BYTES / PAGE_BYTES);
    uint16_t touched = (uint16_t)bit_run(first, last - first + 1);
    uint32_t absent = section->purged_pages & touched;
    section->purged_pages &= (uint16_t)~touched;
    if (absent == 0)
        return;
    first = (uint32_t)__builtin_ctz(absent);
    last = 31 - (uint32_t)__builtin_clz(absent);
    if (first != last)
        os_populate(start + first * PAGE_BYTES, (last + 1 - first) * PAGE_BYTES);
}

/* The next run of at least `wanted` free granules in [*from, limit). A run that starts in the middle of a word ends
   with it at the latest, one that starts with a word goes on: most holes are small, and found in one step then. */
static uint32_t find_run(const struct block *block, uint32_t *from, uint32_t limit, uint32_t wanted)
{
    uint32_t at = *from;
    while (at < limit) {
        uint64_t clear = ~bitmap_word(block, at / 64) >> (at % 64);
        if (clear == 0) {
            at = (at / 64 + 1) * 64;
            continue;
        }
        at += (uint32_t)__builtin_ctzll(clear);
        clear >>= __builtin_ctzll(clear);
        uint32_t left = 64 - at % 64;
        uint32_t count = ~clear == 0 ? 64 : (uint32_t)__builtin_ctzll(~clear);
        count = count < left ? count : left;
        if (count == left && (count == 64 || count < wanted))
            count = bitmap_find_hole(block, &at, limit, 1);
        if (count >= wanted) {
            *from = at;
            return count;
        }
        at += count;
    }
    return 0;
}

static bool open_hole(struct heap *heap, struct lane *lane, struct respire_hole_image *hole, size_t wanted_bytes)
{
    struct block *block = lane->block;
    enum kind kind = block_kind(block);
    size_t granule_bytes = kind_granule_bytes(kind);
    uint32_t limit = (lane->section + 1) * section_granules(kind);
    uint32_t start = lane->scanned;
    uint32_t count = find_run(block, &start, limit, (uint32_t)(wanted_bytes / granule_bytes));
    if (count == 0) {
        lane->scanned = limit;
        return false;
    }
    if (count > PAGE_BYTES / granule_bytes) {
        uint32_t most = (uint32_t)(hole_bytes_max(heap, wanted_bytes) / granule_bytes);
        count = count < most ? count : most;
    }
    struct respire_section_image *section = &block->image.sections[lane->section];
    bitmap_change(block, start, count, true);
    section_set_live(section, section_live(section) + count);
    lane->scanned = start + count;
    lane->opened += count;
    heap_note_opened(heap, count * granule_bytes);
    hole->next = (uintptr_t)block + start * granule_bytes;
    hole->end = hole->next + count * granule_bytes;
    if (section->purged_pages != 0)
        make_resident(section, hole);
    return true;
}

/* The section is claimed, hence not offered: freeing the rest can't call section_became_free. */
static void close_hole(struct heap *heap, struct lane *lane, struct respire_hole_image *hole)
{
    size_t granule_bytes = kind_granule_bytes(block_kind(lane->block));
    uint32_t count = (uint32_t)((hole->end - hole->next) / granule_bytes);
    uint32_t granule = (uint32_t)((hole->next - (uintptr_t)lane->block) / granule_bytes);
    hole->end = hole->next;
    if (count > 0)
        section_free(heap, lane->block, lane->section, granule, count);
}

void *small_allocate_slowly(struct heap *heap, size_t bytes)
{
    heap_note_user(heap);
    if (bytes > SMALL_BYTES)
        return medium_allocate(heap, bytes);
    bool young = heap->opened_bytes < YOUNG_BYTES;
    uint32_t number = bytes > MISS_BYTES && !young ? (uint32_t)LANE_BIG : (uint32_t)kind_of_size(bytes);
    struct lane *lane = &heap->lanes[number];
    struct respire_hole_image *hole = &heap->image.holes[number];
    if (hole->end - hole->next < bytes) {
        size_t wanted_bytes = bytes > SMALLEST_HOLE_BYTES ? bytes : SMALLEST_HOLE_BYTES;
        if (lane->block)
            close_hole(heap, lane, hole);
        while (!lane->block || !open_hole(heap, lane, hole, wanted_bytes)) {
            if (lane->block)
                section_release(heap, lane, false);
            if (!section_claim(heap, lane, number == KIND_LINES ? KIND_LINES : KIND_ANY, number == LANE_BIG))
                return NULL;
        }
    }
    uint64_t at = hole->next;
    hole->next = at + bytes;
    if (!heap->state_block)
        heap->state_block = (void *)(uintptr_t)at;
    return (void *)(uintptr_t)at;
}

void lanes_close(struct heap *heap)
{
    for (uint32_t i = 0; i < LANES; i++) {
        if (!heap->lanes[i].block)
            continue;
        close_hole(heap, &heap->lanes[i], &heap->image.holes[i]);
        section_release(heap, &heap->lanes[i], true);
    }
}
