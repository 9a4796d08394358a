/*
 * Owns the reading of lj_alloc's segments, chunks and direct maps. A chunk carries its own size and use and the use
 * of the one before it; a free chunk repeats its size at its end. Walking from the base of a segment to its end
 * therefore proves itself: every chunk is checked against both neighbours.
 */
#include "walk/lj_alloc.h"

#include <inttypes.h>

#include "base/size.h"
#include "layouts/lj_alloc_layout.h"

enum {
    SEGMENTS_MAX = 1 << 20,
    SEGMENT_TAIL_MAX = 96, /* fenceposts and padding behind the last chunk of a segment that is not the newest */
};

/* Of one segment; memory that changes while it is read may say anything. */
static const uint64_t located_bytes_max = (uint64_t)1 << 36;

/* One walk over all segments: what it knows of the allocator, and what it met. */
struct segment_walk {
    struct lj_alloc_walk *walk;
    address_t state, top, victim;
    uint64_t top_bytes, victim_bytes;
    uint64_t tops_met, victims_met, flag_errors, foot_errors;
};

struct segment {
    address_t record; /* where the allocator keeps the two fields below */
    struct address_range range;
};

struct chunk {
    address_t at;
    uint64_t foot, head;
};

static uint64_t chunk_bytes(const struct chunk *chunk)
{
    return chunk->head & ~(uint64_t)LJ_CHUNK_FLAGS;
}

static bool read_chunk(struct memory_view *view, address_t at, struct chunk *chunk)
{
    const void *bytes = view_bytes(view, at, LJ_CHUNK_BLOCK);
    if (bytes)
        *chunk = (struct chunk){at, field_u64(bytes, LJ_CHUNK_FOOT), field_u64(bytes, LJ_CHUNK_HEAD)};
    return bytes != NULL;
}

static bool is_state_head(uint64_t head)
{
    return head == LJ_ALLOC_STATE_HEAD || head == LJ_ALLOC_STATE_HEAD_2016;
}

bool lj_alloc_recognise(const struct capture *capture, address_t state)
{
    struct memory_view view = view_of(capture);
    struct chunk chunk;
    return read_chunk(&view, address_subtract(state, LJ_CHUNK_BLOCK), &chunk)
        && is_state_head(chunk.head & ~(uint64_t)LJ_CHUNK_PREVIOUS_USED)
        && view_bytes(&view, state, LJ_ALLOC_STATE_BYTES);
}

/* A chunk's own bytes run from its head to the head of the next: the next one's foot belongs to this one's user. */
static struct address_range chunk_extent(address_t chunk, uint64_t bytes)
{
    address_t start = address_add(chunk, LJ_CHUNK_HEAD);
    return (struct address_range){start, address_add(start, bytes)};
}

static void count_free(struct segment_walk *s, struct heap_region *region, address_t chunk, uint64_t bytes)
{
    struct heap *heap = s->walk->heap;
    struct address_range extent = chunk_extent(chunk, bytes);
    heap->free_bytes += bytes;
    heap->free_blocks++;
    histogram_add(&heap->free, bytes);
    heap->free_resident_bytes += presence_resident_bytes(&s->walk->view.capture->presence, extent);
    heap_region_mark(region, s->walk->page_bytes, extent.start, bytes, PAGE_USE_FREE);
    if (bytes > LJ_CHUNK_LINKS)
        heap_region_mark_reclaimable(region, s->walk->page_bytes, address_add(chunk, LJ_CHUNK_LINKS),
            bytes - LJ_CHUNK_LINKS);
}

static void count_meta(struct segment_walk *s, struct heap_region *region, address_t at, uint64_t bytes)
{
    s->walk->heap->meta_bytes += bytes;
    heap_region_mark(region, s->walk->page_bytes, at, bytes, PAGE_USE_META);
}

static void count_used(struct segment_walk *s, struct heap_region *region, address_t chunk, uint64_t bytes)
{
    struct heap *heap = s->walk->heap;
    heap->live_bytes += bytes;
    heap->used_blocks++;
    histogram_add(&heap->used, bytes);
    heap_region_mark(region, s->walk->page_bytes, chunk_extent(chunk, bytes).start, bytes, PAGE_USE_LIVE);
}

static bool is_own_record(const struct segment_walk *s, const struct segment *segment, address_t block)
{
    return address_equal(block, s->state) || address_equal(block, segment->record);
}

static struct error *damage(const struct segment *segment, address_t at, const char *what)
{
    return error_new(ERROR_NOT_UNDERSTOOD, "LuaJIT heap segment at 0x%" PRIx64 ": %s at 0x%" PRIx64,
        segment->range.start.value, what, at.value);
}

/* The newest segment ends with the top chunk and a reserve behind it. */
static struct error *end_at_top(struct segment_walk *s, struct heap_region *region, const struct segment *segment,
    const struct chunk *top)
{
    address_t end = address_add(top->at, s->top_bytes);
    if (chunk_bytes(top) != s->top_bytes || top->head & LJ_CHUNK_USED
        || !address_equal(address_add(end, LJ_TOP_FOOT), segment->range.end))
        return damage(segment, top->at, "the top chunk does not reach to the end");
    s->tops_met++;
    if (s->top_bytes)
        count_free(s, region, top->at, s->top_bytes);
    count_meta(s, region, end, LJ_TOP_FOOT);
    return NULL;
}

static struct error *end_at_fencepost(struct segment_walk *s, struct heap_region *region, const struct segment *segment,
    address_t at)
{
    uint64_t tail = segment->range.end.value - at.value;
    if (tail > SEGMENT_TAIL_MAX)
        return damage(segment, at, "a fencepost in the middle");
    count_meta(s, region, at, tail);
    return NULL;
}

static void count_chunk(struct segment_walk *s, struct heap_region *region, const struct segment *segment,
    const struct chunk *chunk, bool previous_used)
{
    uint64_t bytes = chunk_bytes(chunk);
    bool first = address_equal(chunk->at, segment->range.start);
    /* A segment that grew downwards leaves the flag of its first chunk as it is. */
    if (!first && previous_used != !!(chunk->head & LJ_CHUNK_PREVIOUS_USED))
        s->flag_errors++;
    if (!(chunk->head & LJ_CHUNK_USED)) {
        uint64_t foot;
        if (!view_u64(&s->walk->view, address_add(chunk->at, bytes), &foot) || foot != bytes)
            s->foot_errors++;
        s->victims_met += address_equal(chunk->at, s->victim) && bytes == s->victim_bytes;
        count_free(s, region, chunk->at, bytes);
    } else if (is_own_record(s, segment, address_add(chunk->at, LJ_CHUNK_BLOCK))) {
        count_meta(s, region, chunk->at, bytes);
    } else {
        count_used(s, region, chunk->at, bytes);
    }
}

static struct error *walk_chunks(struct segment_walk *s, struct heap_region *region, const struct segment *segment)
{
    struct chunk chunk = {.at = segment->range.start};
    bool previous_used = true;
    while (chunk.at.value < segment->range.end.value) {
        if (!read_chunk(&s->walk->view, chunk.at, &chunk))
            return damage(segment, chunk.at, "a chunk header is not in memory");
        if (address_equal(chunk.at, s->top))
            return end_at_top(s, region, segment, &chunk);
        if (chunk.head == LJ_CHUNK_FENCEPOST)
            return end_at_fencepost(s, region, segment, chunk.at);
        uint64_t bytes = chunk_bytes(&chunk);
        if (bytes < LJ_CHUNK_MINIMUM || bytes % LJ_CHUNK_ALIGNMENT || !range_holds(segment->range, chunk.at, bytes))
            return damage(segment, chunk.at, "a chunk of impossible size");
        count_chunk(s, region, segment, &chunk, previous_used);
        previous_used = chunk.head & LJ_CHUNK_USED;
        chunk.at = address_add(chunk.at, bytes);
    }
    return damage(segment, segment->range.end, "no end marker");
}

static struct error *walk_segment(struct segment_walk *s, const struct segment *segment)
{
    struct heap *heap = s->walk->heap;
    if (segment->range.start.value % s->walk->page_bytes || range_bytes(segment->range) == 0)
        return damage(segment, segment->range.start, "impossible bounds");
    struct heap_region *region;
    struct error *error = heap_add_region(heap, segment->range, s->walk->page_bytes, &region);
    if (error)
        return error;
    heap->held_bytes += range_bytes(segment->range);
    heap->segments++;
    histogram_add(&heap->segment_sizes, range_bytes(segment->range));
    return walk_chunks(s, region, segment);
}

static bool read_segment(struct memory_view *view, address_t record, struct segment *segment, address_t *next)
{
    const void *bytes = view_bytes(view, record, LJ_SEGMENT_BYTES);
    if (!bytes)
        return false;
    segment->record = record;
    segment->range.start = address(field_u64(bytes, LJ_SEGMENT_BASE));
    segment->range.end = address_add(segment->range.start, field_u64(bytes, LJ_SEGMENT_SIZE));
    *next = address(field_u64(bytes, LJ_SEGMENT_NEXT));
    return !address_equal(segment->range.end, ADDRESS_NONE);
}

static struct error *walk_all_segments(struct segment_walk *s)
{
    address_t record = address_add(s->state, LJ_ALLOC_SEGMENT);
    for (unsigned i = 0; !address_is_null(record); i++) {
        struct segment segment;
        address_t next;
        if (i == SEGMENTS_MAX || !read_segment(&s->walk->view, record, &segment, &next))
            return error_new(ERROR_NOT_UNDERSTOOD, "LuaJIT heap: the list of segments breaks off at 0x%" PRIx64,
                record.value);
        struct error *error = walk_segment(s, &segment);
        if (error)
            return error;
        record = next;
    }
    return NULL;
}

struct error *lj_alloc_walk_segments(struct lj_alloc_walk *walk, const struct capture *capture, address_t state,
    struct heap *heap, struct checks *checks)
{
    *walk = (struct lj_alloc_walk){.view = view_of(capture), .heap = heap, .page_bytes = capture->page_bytes};
    const void *bytes = view_bytes(&walk->view, state, LJ_ALLOC_STATE_BYTES);
    if (!bytes)
        return error_new(ERROR_NOT_UNDERSTOOD, "LuaJIT heap: its state at 0x%" PRIx64 " is not in memory", state.value);
    struct segment_walk s = {
        .walk = walk,
        .state = state,
        .top = address(field_u64(bytes, LJ_ALLOC_TOP)),
        .top_bytes = field_u64(bytes, LJ_ALLOC_TOP_SIZE),
        .victim = address(field_u64(bytes, LJ_ALLOC_VICTIM)),
        .victim_bytes = field_u64(bytes, LJ_ALLOC_VICTIM_SIZE),
    };
    struct error *error = walk_all_segments(&s);
    if (error)
        return error;
    checks_add(checks, "chunks that contradict the chunk before", 0, s.flag_errors);
    checks_add(checks, "free chunks that contradict their end", 0, s.foot_errors);
    checks_add(checks, "top chunks met", 1, s.tops_met);
    checks_add(checks, "preferred free chunks met", s.victim_bytes != 0, s.victims_met);
    return NULL;
}

struct error *lj_alloc_locate(const struct capture *capture, address_t state, struct heap *heap, bool *located)
{
    struct memory_view view = view_of(capture);
    address_t record = address_add(state, LJ_ALLOC_SEGMENT);
    heap_release(heap);
    *located = false;
    for (unsigned i = 0; i < SEGMENTS_MAX && !address_is_null(record); i++) {
        struct segment segment;
        struct heap_region *region;
        if (!read_segment(&view, record, &segment, &record) || segment.range.start.value % capture->page_bytes
            || !mappings_find(&capture->mappings, segment.range.start)
            || range_bytes(segment.range) > located_bytes_max)
            return NULL;
        struct error *error = heap_add_region(heap, segment.range, capture->page_bytes, &region);
        if (error)
            return error;
        heap_region_mark(region, capture->page_bytes, segment.range.start, range_bytes(segment.range), PAGE_USE_LIVE);
    }
    *located = address_is_null(record);
    return NULL;
}

/* A block of 128 KiB and more sits in a mapping of its own; its foot says how far from the mapping's start. */
static struct error *note_direct_map(struct lj_alloc_walk *walk, const struct chunk *chunk, uint64_t block_bytes)
{
    uint64_t offset = chunk->foot & ~(uint64_t)LJ_DIRECT_FLAG;
    uint64_t bytes = chunk_bytes(chunk);
    struct address_range range = {address_subtract(chunk->at, offset), address_add(chunk->at, bytes + LJ_DIRECT_TAIL)};
    const struct mapping *mapping = mappings_find(&walk->view.capture->mappings, range.start);
    if (offset >= walk->page_bytes || !mapping || !range_holds(mapping->range, range.start, range_bytes(range))
        || range_bytes(range) % walk->page_bytes || bytes < block_bytes + LJ_CHUNK_OVERHEAD
        || bytes > block_bytes + LJ_DIRECT_SLACK) {
        walk->misfits++;
        return NULL;
    }
    struct heap *heap = walk->heap;
    struct heap_region *region;
    struct error *error = heap_add_region(heap, range, walk->page_bytes, &region);
    if (error)
        return error;
    heap_region_mark(region, walk->page_bytes, range.start, range_bytes(range), PAGE_USE_LIVE);
    heap->held_bytes += range_bytes(range);
    heap->live_bytes += bytes;
    heap->meta_bytes += range_bytes(range) - bytes;
    heap->direct_maps++;
    heap->used_blocks++;
    histogram_add(&heap->used, bytes);
    return NULL;
}

struct error *lj_alloc_note_block(struct lj_alloc_walk *walk, address_t block, uint64_t bytes)
{
    struct chunk chunk;
    bool read = read_chunk(&walk->view, address_subtract(block, LJ_CHUNK_BLOCK), &chunk);
    if (read && !(chunk.head & LJ_CHUNK_PREVIOUS_USED) && chunk.foot & LJ_DIRECT_FLAG)
        return note_direct_map(walk, &chunk, bytes);
    uint64_t wanted = size_max(round_up(bytes + LJ_CHUNK_OVERHEAD, LJ_CHUNK_ALIGNMENT), LJ_CHUNK_MINIMUM);
    /* What is left over when a free chunk is split stays with the block if it is too small for a chunk. */
    if (!read || !(chunk.head & LJ_CHUNK_USED) || chunk_bytes(&chunk) < wanted
        || chunk_bytes(&chunk) - wanted >= LJ_CHUNK_MINIMUM)
        walk->misfits++;
    return NULL;
}
