/*
 * small.c: the slow half of allocation into holes.
 *
 * Owns the lanes. A lane walks through its claimed section from front to back, opening one hole after the other;
 * when the section is used up, it claims the next. Opening a hole sets its bits and counts at once, which leaves
 * one addition to the fast path. Objects that miss lane 0's hole and are bigger than LANE_0_BYTES go to lane 1, which
 * claims whole sections only: lane 0's hole is then not given up for one object, and bigger objects do not
 * hunt through small holes.
 */
#include "small.h"

#include "os_memory.h"

#define LANE_0_BYTES 256

/* Holes below 64 bytes cost more to open than they hold. */
#define SMALLEST_HOLE_GRANULES 4

/* `count` granules, all in one section, become free. */
static void section_free(struct heap *heap, struct block *block, uint32_t granule, uint32_t count)
{
    struct respire_section_image *section = &block->image.sections[granule / GRANULES_PER_SECTION];
    bitmap_change(block, granule, count, false);
    uint32_t live = section_live(section) - count;
    section_set_live(section, live);
    heap->image.live_bytes -= count * GRANULE_BYTES;
    if ((int32_t)live <= section->available_below)
        section_became_free(heap, block, granule / GRANULES_PER_SECTION);
}

static bool open_hole(struct heap *heap, struct lane *lane, struct respire_hole_image *hole, uint32_t wanted)
{
    struct block *block = lane->block;
    uint32_t limit = (lane->section + 1) * GRANULES_PER_SECTION;
    uint32_t start = lane->scanned;
    uint32_t count = bitmap_find_hole(block, &start, limit, wanted);
    if (count == 0) {
        lane->scanned = limit;
        return false;
    }
    struct respire_section_image *section = &block->image.sections[lane->section];
    bitmap_change(block, start, count, true);
    section_set_live(section, section_live(section) + count);
    heap->image.live_bytes += count * GRANULE_BYTES;
    lane->scanned = start + count;
    lane->opened += count;
    hole->next = (uintptr_t)granule_address(block, start);
    hole->end = hole->next + count * GRANULE_BYTES;
    return true;
}

/* The first object, Lua's global state, starts on a page: the free path then knows it at no cost, since objects on
   the first byte of a page are rare and are looked at twice anyway. */
void lane_start(struct heap *heap, struct block *block)
{
    struct lane *lane = &heap->lanes[0];
    struct respire_section_image *section = &block->image.sections[0];
    lane->block = block;
    lane->section = 0;
    lane->scanned = HEADER_PAGES * GRANULES_PER_PAGE;
    section->state = RESPIRE_SECTION_CLAIMED;
    section->available = 0;
    section->purged_pages = 0;
    os_populate(block, SECTION_BYTES);
    heap->state_block = granule_address(block, lane->scanned);
    open_hole(heap, lane, &heap->image.holes[0], 1);
}

static void close_hole(struct heap *heap, struct lane *lane, struct respire_hole_image *hole)
{
    uint32_t count = (uint32_t)((hole->end - hole->next) / GRANULE_BYTES);
    uint32_t granule = granule_of((void *)(uintptr_t)hole->next);
    hole->next = 0;
    hole->end = 0;
    /* The section is claimed, hence not offered: this can't call section_became_free. */
    if (count > 0)
        section_free(heap, lane->block, granule, count);
}

static void *allocate_in_lane(struct heap *heap, uint32_t number, size_t bytes)
{
    struct lane *lane = &heap->lanes[number];
    struct respire_hole_image *hole = &heap->image.holes[number];
    if (hole->end - hole->next < bytes) {
        uint32_t wanted = (uint32_t)(bytes / GRANULE_BYTES);
        if (wanted < SMALLEST_HOLE_GRANULES)
            wanted = SMALLEST_HOLE_GRANULES;
        if (hole->end != 0)
            close_hole(heap, lane, hole);
        while (!lane->block || !open_hole(heap, lane, hole, wanted)) {
            if (lane->block)
                section_release(heap, lane, false);
            if (!section_claim(heap, lane, number == 1))
                return NULL;
        }
    }
    uint64_t at = hole->next;
    hole->next = at + bytes;
    return (void *)(uintptr_t)at;
}

void *small_allocate_slowly(struct heap *heap, size_t bytes)
{
    if (bytes > SMALL_BYTES)
        return medium_allocate(heap, bytes);
    return allocate_in_lane(heap, bytes > LANE_0_BYTES ? 1 : 0, bytes);
}

void granules_free(struct heap *heap, struct block *block, uint32_t granule, uint32_t count)
{
    while (count > 0) {
        uint32_t here = GRANULES_PER_SECTION - granule % GRANULES_PER_SECTION;
        if (here > count)
            here = count;
        section_free(heap, block, granule, here);
        granule += here;
        count -= here;
    }
}

void lanes_close(struct heap *heap)
{
    for (uint32_t i = 0; i < RESPIRE_IMAGE_HOLES; i++) {
        if (!heap->lanes[i].block)
            continue;
        if (heap->image.holes[i].end != 0)
            close_hole(heap, &heap->lanes[i], &heap->image.holes[i]);
        section_release(heap, &heap->lanes[i], true);
    }
}
