/* glibc's malloc: what is made by hand after each row of layouts adds up, and every kind of damage is noticed. */
#include "unit.h"

#include <string.h>

#include "fake_malloc.h"

static void set(struct fake_malloc *made, uint64_t at, uint64_t value)
{
    put_u64(fake_malloc_at(made, at), value);
}

static uint64_t get(struct fake_malloc *made, uint64_t at)
{
    uint64_t value;
    memcpy(&value, fake_malloc_at(made, at), sizeof(value));
    return value;
}

static void build_newest(struct fake_malloc *made)
{
    fake_malloc_build(made, &glibc_malloc_layouts[0]);
}

static void assert_damage(struct fake_malloc *made, const char *reason)
{
    fake_malloc_walk(made);
    assert_non_null(made->heap.damage);
    if (!strstr(error_text(made->heap.damage), reason))
        fail_msg("\"%s\" does not say \"%s\"", error_text(made->heap.damage), reason);
    fake_malloc_free(made);
}

static void assert_sound(const struct fake_malloc *made)
{
    if (made->heap.damage)
        fail_msg("%s", error_text(made->heap.damage));
}

static void assert_sum(struct chunk_sum sum, uint64_t count, uint64_t bytes)
{
    assert_int_equal(sum.count, count);
    assert_int_equal(sum.bytes, count * bytes);
}

static void every_layout_is_recognised_and_adds_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < glibc_malloc_layout_count; i++) {
        struct fake_malloc made;
        fake_malloc_build(&made, &glibc_malloc_layouts[i]);
        fake_malloc_walk(&made);
        assert_sound(&made);
        assert_string_equal(made.heap.layout, made.layout->name);
        const struct glibc_arena *arena = &made.heap.arenas[0];
        bool has_fastbins = made.layout->fastbins;
        assert_int_equal(made.heap.arena_count, 2);
        assert_int_equal(arena->used.count, has_fastbins ? 3 : 5);
        assert_sum(arena->fast, has_fastbins ? 2 : 0, FAKE_FAST_BYTES);
        assert_sum(arena->cached, 2, FAKE_CACHED_BYTES);
        assert_sum(arena->binned, 1, FAKE_FREE_BYTES);
        assert_int_equal(arena->top_bytes, get(&made, made.top + GLIBC_CHUNK_HEAD) & ~7ull);
        assert_int_equal(arena->meta_bytes, 0);
        assert_int_equal(made.heap.arenas[1].heaps, 2);
        assert_int_equal(made.heap.arenas[1].used.count, 2);
        assert_sum(made.heap.mapped, 1, FAKE_MAPPED_BYTES);
        assert_int_equal(made.heap.used_bytes + made.heap.free_bytes + made.heap.meta_bytes,
            FAKE_HEAP_BYTES + 2 * FAKE_OTHER_HEAP_BYTES + FAKE_MAPPED_BYTES);
        fake_malloc_free(&made);
    }
}

static void chunks_are_found_by_address(void **state)
{
    (void)state;
    struct fake_malloc made;
    struct chunk chunk;
    build_newest(&made);
    fake_malloc_walk(&made);
    assert_true(chunk_map_find(&made.heap.chunks, address(made.last + FAKE_LAST_BYTES - 1), &chunk));
    assert_true(chunk.used && chunk.range.start.value == made.last && range_bytes(chunk.range) == FAKE_LAST_BYTES);
    assert_true(chunk_map_at(&made.heap.chunks, address(made.cached[1]), &chunk) && !chunk.used);
    assert_true(chunk_map_at(&made.heap.chunks, address(made.fast[1]), &chunk) && !chunk.used);
    assert_false(chunk_map_find(&made.heap.chunks, address(made.other_fence), &chunk));
    fake_malloc_free(&made);
}

static void pages_say_what_they_hold(void **state)
{
    (void)state;
    struct fake_malloc made;
    build_newest(&made);
    fake_malloc_walk(&made);
    const struct heap *pages = &made.heap.pages;
    assert_int_equal(pages->kind, HEAP_GLIBC);
    assert_int_equal(pages->regions[0].page_use[0], PAGE_USE_LIVE | PAGE_USE_FREE);
    assert_int_equal(pages->regions[0].page_use[1], PAGE_USE_FREE | PAGE_USE_RECLAIMABLE);
    assert_int_equal(pages->regions[0].page_use[15], PAGE_USE_FREE | PAGE_USE_RECLAIMABLE);
    assert_int_equal(pages->regions[1].page_use[0], PAGE_USE_LIVE | PAGE_USE_META);
    assert_int_equal(pages->live_bytes + pages->free_bytes + pages->meta_bytes, pages->held_bytes);
    assert_int_equal(pages->free_resident_bytes, made.heap.free_bytes);
    fake_malloc_free(&made);
}

static void no_arena_in_use_is_no_malloc(void **state)
{
    (void)state;
    struct fake_malloc made;
    build_newest(&made);
    uint64_t bins = made.main_arena + made.layout->bins;
    memset(made.data, 0, 8192);
    fake_malloc_walk(&made);
    assert_null(made.heap.layout);
    fake_malloc_free(&made);

    build_newest(&made);
    set(&made, bins, bins - GLIBC_BIN_CHUNK);
    set(&made, bins + 8, bins - GLIBC_BIN_CHUNK);
    set(&made, bins + GLIBC_BINS_NEXT_ARENA, made.main_arena);
    set(&made, bins + GLIBC_BINS_SYSTEM_BYTES, 0);
    fake_malloc_walk(&made);
    assert_sound(&made);
    assert_null(made.heap.layout);
    fake_malloc_free(&made);
}

static void an_unknown_layout_is_said_to_be_one(void **state)
{
    (void)state;
    struct fake_malloc made;
    build_newest(&made);
    set(&made, made.other_arena + made.layout->bins + GLIBC_BINS_NEXT_ARENA, made.main_arena + 8);
    assert_damage(&made, "layout of no known glibc");
    build_newest(&made);
    set(&made, made.parameters, made.last);
    assert_damage(&made, "layout of no known glibc");
    build_newest(&made);
    set(&made, made.main_arena + made.layout->bins + GLIBC_BINS_NEXT_ARENA, made.other_arena + 8);
    set(&made, made.other_arena + 8 + made.layout->bins + GLIBC_BINS_NEXT_ARENA, made.main_arena);
    assert_damage(&made, "layout of no known glibc");
}

static void chunks_that_contradict_each_other_are_damage(void **state)
{
    (void)state;
    struct fake_malloc made;
    build_newest(&made);
    set(&made, made.last + GLIBC_CHUNK_HEAD, (FAKE_HEAP_BYTES * 2) | GLIBC_CHUNK_PREVIOUS_USED);
    assert_damage(&made, "impossible size");
    build_newest(&made);
    set(&made, made.last + GLIBC_CHUNK_FOOT, FAKE_FREE_BYTES - 16);
    assert_damage(&made, "contradict their end");
    build_newest(&made);
    set(&made, made.newer_used + GLIBC_CHUNK_HEAD, FAKE_USED_BYTES | GLIBC_CHUNK_PREVIOUS_USED);
    assert_damage(&made, "contradict the chunk before");
    build_newest(&made);
    set(&made, made.main_arena + made.layout->bins + GLIBC_BINS_SYSTEM_BYTES, FAKE_HEAP_BYTES - 4096);
    assert_damage(&made, "system memory");
}

static void lists_that_contradict_memory_are_damage(void **state)
{
    (void)state;
    struct fake_malloc made;
    build_newest(&made);
    set(&made, made.last + GLIBC_CHUNK_HEAD, FAKE_LAST_BYTES | GLIBC_CHUNK_PREVIOUS_USED);
    assert_damage(&made, "their list can't hold");
    build_newest(&made);
    set(&made, made.cached[0] + GLIBC_CHUNK_HEAD, FAKE_CACHED_BYTES);
    set(&made, made.cached[0] + GLIBC_CHUNK_FOOT, FAKE_USED_BYTES);
    assert_damage(&made, "free chunks in bins");
    build_newest(&made);
    set(&made, made.fast[0] + GLIBC_CHUNK_NEXT, made.last ^ (made.fast[0] + GLIBC_CHUNK_NEXT) >> 12);
    assert_damage(&made, "their list can't hold");
}

/* A free chunk that is just being taken out of its bin: that is in order while its arena is locked. */
static void a_locked_arena_may_be_moving_a_chunk(void **state)
{
    (void)state;
    struct fake_malloc made;
    for (uint64_t locked = 0; locked < 2; locked++) {
        build_newest(&made);
        uint64_t unsorted = made.main_arena + made.layout->bins;
        set(&made, unsorted, unsorted - GLIBC_BIN_CHUNK);
        set(&made, unsorted + 8, unsorted - GLIBC_BIN_CHUNK);
        set(&made, made.main_arena, locked);
        if (!locked) {
            assert_damage(&made, "free chunks in bins");
            continue;
        }
        fake_malloc_walk(&made);
        assert_sound(&made);
        assert_sum(made.heap.arenas[0].binned, 1, FAKE_FREE_BYTES);
        fake_malloc_free(&made);
    }
}

static void heaps_that_lead_nowhere_are_damage(void **state)
{
    (void)state;
    struct fake_malloc made;
    build_newest(&made);
    set(&made, made.other_arena - made.layout->heap_bytes, made.main_arena);
    assert_damage(&made, "no heap of it");
    build_newest(&made);
    set(&made, made.other_arena - made.layout->heap_bytes + GLIBC_HEAP_PREVIOUS,
        made.other_arena - made.layout->heap_bytes);
    assert_damage(&made, "met before");
    build_newest(&made);
    set(&made, made.other_arena - made.layout->heap_bytes + GLIBC_HEAP_SIZE, 1ull << 40);
    assert_damage(&made, "no heap of it");
    build_newest(&made);
    set(&made, made.other_used + GLIBC_CHUNK_HEAD, 4096 | GLIBC_CHUNK_PREVIOUS_USED | GLIBC_CHUNK_NOT_MAIN);
    set(&made, made.other_used + 4096 + GLIBC_CHUNK_HEAD, GLIBC_CHUNK_PREVIOUS_USED);
    assert_damage(&made, "ends too early");
}

static void set_counts(struct fake_malloc *made, uint8_t first, uint8_t second)
{
    unsigned char *counts = fake_malloc_at(made, made->cache + GLIBC_CHUNK_BLOCK);
    counts[0] = first;
    counts[2] = second;
}

/* The first list of the main thread's cache holds two chunks; it says another number, and so does the second. */
static struct chunk_sum cached_when_counts_are(uint8_t first, uint8_t second)
{
    struct fake_malloc made;
    build_newest(&made);
    set_counts(&made, first, second);
    fake_malloc_walk(&made);
    assert_sound(&made);
    struct chunk_sum cached = made.heap.arenas[0].cached;
    fake_malloc_free(&made);
    return cached;
}

static void a_cache_is_believed_when_its_counts_agree(void **state)
{
    (void)state;
    assert_sum(cached_when_counts_are(2, 0), 2, FAKE_CACHED_BYTES);
    assert_sum(cached_when_counts_are(2, 1), 2, FAKE_CACHED_BYTES); /* caught before it was counted */
    const uint8_t wrong[][2] = {{2, 2}, {3, 1}, {4, 0}};
    for (unsigned i = 0; i < 3; i++) {
        struct fake_malloc made;
        build_newest(&made);
        set_counts(&made, wrong[i][0], wrong[i][1]);
        assert_damage(&made, "some thread has a cache");
    }
}

static void large_cached_chunks_have_lists_of_their_own(void **state)
{
    (void)state;
    struct fake_malloc made;
    const struct glibc_malloc_layout *newest = &glibc_malloc_layouts[0];
    for (size_t i = 0; i < glibc_malloc_layout_count; i++)
        if (glibc_malloc_layouts[i].cache.bins > glibc_malloc_layouts[i].cache.bins_by_size)
            newest = &glibc_malloc_layouts[i];
    fake_malloc_build(&made, newest);
    const struct glibc_cache_layout *cache = &newest->cache;
    /* What was free is used now, and 8 KiB: the fourth list that holds more than one size. */
    uint64_t unsorted = made.main_arena + newest->bins, bin = cache->bins_by_size + 3u;
    set(&made, unsorted, unsorted - GLIBC_BIN_CHUNK);
    set(&made, unsorted + 8, unsorted - GLIBC_BIN_CHUNK);
    set(&made, made.last + GLIBC_CHUNK_HEAD, FAKE_LAST_BYTES | GLIBC_CHUNK_PREVIOUS_USED);
    uint64_t block = made.free_chunk + GLIBC_CHUNK_BLOCK;
    set(&made, block, block >> 12);
    set(&made, made.cache + GLIBC_CHUNK_BLOCK + cache->entries + bin * 8, block);
    fake_malloc_at(&made, made.cache + GLIBC_CHUNK_BLOCK)[bin * 2]--;
    fake_malloc_walk(&made);
    assert_sound(&made);
    assert_int_equal(made.heap.arenas[0].cached.count, 3);
    assert_int_equal(made.heap.arenas[0].cached.bytes, 2 * FAKE_CACHED_BYTES + FAKE_FREE_BYTES);
    fake_malloc_free(&made);
}

/* Somebody else took 1000 bytes of brk behind the last used chunk; malloc ended there and went on behind. */
static void a_gap_in_brk_is_stepped_over(void **state)
{
    (void)state;
    struct fake_malloc made;
    build_newest(&made);
    uint64_t fence = ((made.last + FAKE_LAST_BYTES) | 4095) + 1 - 2 * GLIBC_FENCEPOST;
    uint64_t next = fence + 2 * GLIBC_FENCEPOST + 1008, end = made.top + (get(&made, made.top + 8) & ~7ull);
    set(&made, made.last + GLIBC_CHUNK_HEAD, fence - made.last);
    set(&made, fence + GLIBC_CHUNK_HEAD, GLIBC_FENCEPOST | GLIBC_CHUNK_PREVIOUS_USED);
    set(&made, fence + GLIBC_FENCEPOST + GLIBC_CHUNK_HEAD, GLIBC_FENCEPOST | GLIBC_CHUNK_PREVIOUS_USED);
    set(&made, next + GLIBC_CHUNK_HEAD, FAKE_USED_BYTES | GLIBC_CHUNK_PREVIOUS_USED);
    set(&made, next + FAKE_USED_BYTES + GLIBC_CHUNK_HEAD,
        (end - next - FAKE_USED_BYTES) | GLIBC_CHUNK_PREVIOUS_USED);
    set(&made, made.main_arena + made.layout->bins - GLIBC_TOP_BEFORE_BINS, next + FAKE_USED_BYTES);
    fake_malloc_walk(&made);
    assert_sound(&made);
    assert_int_equal(made.heap.arenas[0].heaps, 2);
    assert_int_equal(made.heap.arenas[0].meta_bytes, 1008 + 2 * GLIBC_FENCEPOST);
    assert_int_equal(made.heap.arenas[0].used.count, 4);
    fake_malloc_free(&made);
}

/* The block was aligned to 16 KiB and grew: what its mapping starts with is from before. */
static void a_mapped_block_that_was_aligned_is_measured_by_its_own_header(void **state)
{
    (void)state;
    struct fake_malloc made;
    const uint64_t offset = (16 << 10) - GLIBC_CHUNK_BLOCK, grown = FAKE_MAPPED_BYTES + 8192;
    build_newest(&made);
    uint64_t start = made.fake.pieces[4].range.start.value;
    set(&made, start + offset, offset);
    set(&made, start + offset + GLIBC_CHUNK_HEAD, (grown - offset) | GLIBC_CHUNK_MAPPED);
    set(&made, made.parameters + (uint64_t)(int64_t)GLIBC_PARAMETERS_MAPPED_BYTES, grown);
    set(&made, made.parameters + (uint64_t)(int64_t)GLIBC_PARAMETERS_MOST_MAPPED_BYTES, grown);
    fake_malloc_walk(&made);
    assert_sound(&made);
    assert_sum(made.heap.mapped, 1, grown);
    struct chunk chunk;
    assert_true(chunk_map_at(&made.heap.chunks, address(start + offset), &chunk));
    fake_malloc_free(&made);

    build_newest(&made);
    set(&made, start + GLIBC_CHUNK_HEAD, 0);
    assert_damage(&made, "mapped blocks");
}

/* A block whose second half the program has made read-only lies in two mappings. */
static void a_mapped_block_may_lie_in_several_mappings(void **state)
{
    (void)state;
    struct fake_malloc made;
    build_newest(&made);
    struct mapping *whole = &made.fake.capture.mappings.items[4];
    address_t end = whole->range.end;
    whole->range.end = address_add(whole->range.start, FAKE_MAPPED_BYTES / 2);
    uint64_t half = whole->range.end.value;
    fake_capture_map_only(&made.fake, half, end.value - half)->writable = false;
    fake_malloc_walk(&made);
    assert_sound(&made);
    assert_sum(made.heap.mapped, 1, FAKE_MAPPED_BYTES);
    fake_malloc_free(&made);
}

/* Of the layout whose mappings are larger than their chunks, glibc counts 16 bytes more each time one is resized. */
static void what_glibc_counts_too_often_is_allowed_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < glibc_malloc_layout_count; i++) {
        struct fake_malloc made;
        fake_malloc_build(&made, &glibc_malloc_layouts[i]);
        uint64_t bytes = made.parameters + (uint64_t)(int64_t)GLIBC_PARAMETERS_MAPPED_BYTES;
        uint64_t most = made.parameters + (uint64_t)(int64_t)GLIBC_PARAMETERS_MOST_MAPPED_BYTES;
        set(&made, bytes, FAKE_MAPPED_BYTES + 32);
        set(&made, most, FAKE_MAPPED_BYTES + 32);
        if (!made.layout->mapped_tail) {
            assert_damage(&made, "bytes of mapped blocks");
            continue;
        }
        put_u32(fake_malloc_at(&made, (made.parameters + (uint64_t)(int64_t)made.layout->parameters.mmap_count) & ~7ull)
                + (made.layout->parameters.mmap_count & 7), 0);
        memset(made.mapped, 0, GLIBC_CHUNK_BLOCK);
        set(&made, bytes, 32);
        fake_malloc_walk(&made);
        assert_sound(&made);
        assert_sum(made.heap.mapped, 0, 0);
        fake_malloc_free(&made);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layout_is_recognised_and_adds_up),
        cmocka_unit_test(chunks_are_found_by_address),
        cmocka_unit_test(pages_say_what_they_hold),
        cmocka_unit_test(no_arena_in_use_is_no_malloc),
        cmocka_unit_test(an_unknown_layout_is_said_to_be_one),
        cmocka_unit_test(chunks_that_contradict_each_other_are_damage),
        cmocka_unit_test(lists_that_contradict_memory_are_damage),
        cmocka_unit_test(a_locked_arena_may_be_moving_a_chunk),
        cmocka_unit_test(heaps_that_lead_nowhere_are_damage),
        cmocka_unit_test(a_cache_is_believed_when_its_counts_agree),
        cmocka_unit_test(large_cached_chunks_have_lists_of_their_own),
        cmocka_unit_test(a_gap_in_brk_is_stepped_over),
        cmocka_unit_test(a_mapped_block_that_was_aligned_is_measured_by_its_own_header),
        cmocka_unit_test(a_mapped_block_may_lie_in_several_mappings),
        cmocka_unit_test(what_glibc_counts_too_often_is_allowed_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
