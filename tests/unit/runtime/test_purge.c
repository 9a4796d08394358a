/*
 * What is free goes back to the system when it is old enough, and nothing else does.
 */
#include "unit.h"
#include "image_check.h"
#include "os_memory.h"
#include "purge.h"
#include "small.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MANY 20000
#define DECAY_MS 800

static struct shadow shadow;

static int start(void **state)
{
    (void)state;
    shadow_open(&shadow, DECAY_MS, 7);
    return 0;
}

static int end(void **state)
{
    (void)state;
    shadow_close(&shadow);
    return 0;
}

static size_t resident_bytes_at(uint64_t address, uint64_t bytes)
{
    static unsigned char pages[65536];
    size_t count = bytes / PAGE_BYTES;
    size_t resident = 0;
    assert_true(count <= sizeof(pages));
    assert_int_equal(mincore((void *)(uintptr_t)address, bytes, pages), 0);
    for (size_t i = 0; i < count; i++)
        resident += pages[i] & 1u;
    return resident * PAGE_BYTES;
}

/* Of everything the heap holds. */
static size_t resident_bytes(const struct heap *heap)
{
    const struct respire_heap_image *image = &heap->image;
    size_t resident = 0;
    const struct respire_block_slot *blocks = (const void *)(uintptr_t)image->block_table_address;
    for (uint64_t i = 0; i < image->block_slots; i++)
        resident += blocks[i].address != 0 ? resident_bytes_at(blocks[i].address, image->block_bytes) : 0;
    const struct respire_large_slot *large = (const void *)(uintptr_t)image->large_table_address;
    for (uint64_t i = 0; i < image->large_slots; i++)
        resident += large[i].address != 0 ? resident_bytes_at(large[i].address, large[i].mapped_bytes) : 0;
    return resident;
}

/* The pages that hold at least one byte of an object: no purge can get below. */
static size_t floor_bytes(void)
{
    shadow_check(&shadow); /* sorts by address */
    size_t pages = 0;
    uintptr_t last = 0;
    for (size_t i = 0; i < shadow.count; i++) {
        uintptr_t first_page = (uintptr_t)shadow.objects[i].address / PAGE_BYTES;
        uintptr_t last_page = ((uintptr_t)shadow.objects[i].address + shadow.objects[i].bytes - 1) / PAGE_BYTES;
        if (first_page <= last)
            first_page = last + 1;
        if (last_page >= first_page) {
            pages += last_page - first_page + 1;
            last = last_page;
        }
    }
    return pages * PAGE_BYTES;
}

static void fill_heap(unsigned objects, size_t bytes)
{
    for (unsigned i = 0; i < objects; i++)
        assert_true(shadow_allocate(&shadow, bytes));
}

/* A pass `ms` after the last. */
static struct purge_result pass_after(uint64_t ms)
{
    struct purge_result result = {0};
    clock_test_ahead_ms += ms;
    heap_purge(shadow.heap, false, &result);
    check_image(shadow.heap);
    return result;
}

static void purge_for_a_decay(void)
{
    for (unsigned step = 0; step <= DECAY_STEPS; step++)
        pass_after(DECAY_MS / DECAY_STEPS);
}

/* Hardly anything at first, most of it in the middle, everything at the end of the decay. */
static void follows_the_decay(void **state)
{
    (void)state;
    fill_heap(10000, 1000);
    shadow_free_all(&shadow);
    size_t before = resident_bytes(shadow.heap);
    assert_true(before > 9000000);
    assert_int_equal(pass_after(0).bytes, 0);
    struct purge_result early = pass_after(DECAY_MS / DECAY_STEPS);
    assert_true(early.pending);
    assert_in_range(resident_bytes(shadow.heap), before * 95 / 100, before);
    for (unsigned step = 1; step < DECAY_STEPS / 2; step++)
        pass_after(DECAY_MS / DECAY_STEPS);
    assert_in_range(resident_bytes(shadow.heap), before * 40 / 100, before * 60 / 100);
    for (unsigned step = DECAY_STEPS / 2; step < DECAY_STEPS; step++)
        pass_after(DECAY_MS / DECAY_STEPS);
    assert_true(resident_bytes(shadow.heap) < 400 * KIB);
    /* Blocks without anything left are gone. */
    assert_in_range(shadow.heap->image.block_count, 1, 2);
    assert_false(pass_after(DECAY_MS).pending);
    assert_int_equal(pass_after(DECAY_MS).calls, 0);
    assert_true(shadow.heap->image.purged_bytes_total >= before - 400 * KIB);
}

/* Survivors keep their page and their content; all other pages go. */
static void survivors_stay(void **state)
{
    (void)state;
    static const unsigned shares[] = {2, 20, 200, 2000};
    for (size_t s = 0; s < sizeof(shares) / sizeof(shares[0]); s++) {
        fill_heap(MANY, 700);
        for (size_t i = MANY; i-- > 0;) {
            if (i % shares[s] != 0)
                shadow_free(&shadow, i);
        }
        purge_for_a_decay();
        shadow_check(&shadow);
        size_t headers = shadow.heap->image.block_count * header_bytes(KIND_ANY);
        assert_in_range(resident_bytes(shadow.heap), floor_bytes(), floor_bytes() + headers + LANES * SECTION_BYTES);
        shadow_free_all(&shadow);
        purge_for_a_decay();
    }
}

/* A load that breathes faster than the decay keeps what it is about to use again. */
static void breathing_keeps_its_air(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 40; round++) {
        fill_heap(5000, 900);
        shadow_free_all(&shadow);
        pass_after(DECAY_MS / DECAY_STEPS);
    }
    assert_true(resident_bytes(shadow.heap) > 4000000);
    assert_true(shadow.heap->image.purged_bytes_total < MIB);
}

static void large_mappings_decay(void **state)
{
    (void)state;
    fill_heap(6, 700 * KIB);
    shadow_free_all(&shadow);
    uint64_t kept = shadow.heap->image.large_count;
    assert_in_range(kept, 1, 6);
    assert_true(pass_after(DECAY_MS / 2).pending);
    assert_int_equal(shadow.heap->image.large_count, kept);
    assert_int_equal(pass_after(DECAY_MS / 2 + 10).bytes, kept * 700 * KIB);
    assert_int_equal(shadow.heap->image.large_count, 0);
}

/* A trim takes everything at once, the open holes included. */
static void trim_waits_for_nothing(void **state)
{
    (void)state;
    fill_heap(15000, 300);
    fill_heap(3, 300 * KIB);
    while (shadow.count > 1)
        shadow_free(&shadow, shadow.count - 1);
    struct purge_result result = {0};
    lanes_close(shadow.heap);
    heap_purge(shadow.heap, true, &result);
    assert_false(result.pending);
    assert_true(result.bytes > 4000000);
    shadow_check(&shadow);
    assert_in_range(resident_bytes(shadow.heap), 1, 64 * KIB);
    fill_heap(15000, 300);
    shadow_check(&shadow);
}

/* Purged memory is handed out again, and a heap that was purged at every moment is as right as any other. */
static void purged_heap_works_on(void **state)
{
    (void)state;
    for (unsigned step = 0; step < 60000; step++) {
        shadow_step(&shadow);
        if (step % 97 == 0) {
            struct purge_result result = {0};
            clock_test_ahead_ms += shadow_random(&shadow, DECAY_MS);
            heap_purge(shadow.heap, shadow_random(&shadow, 2) == 0, &result);
        }
        if (step % 1009 == 0)
            lanes_close(shadow.heap);
        if (step % 6000 == 0)
            shadow_check(&shadow);
    }
    shadow_check(&shadow);
    assert_true(shadow.heap->image.purged_bytes_total > 0);
    shadow_free_all(&shadow);
    shadow_check(&shadow);
}

/* Pages that went, came back under a bigger object and were freed go again. */
static void purged_pages_go_again(void **state)
{
    (void)state;
    fill_heap(MANY, 500);
    for (size_t i = MANY; i-- > 0;) {
        if (i % 1000 != 0)
            shadow_free(&shadow, i);
    }
    purge_for_a_decay();
    size_t before = resident_bytes(shadow.heap);
    for (unsigned round = 0; round < 3; round++) {
        fill_heap(60, 100 * KIB);
        assert_true(resident_bytes(shadow.heap) > before + 5 * MIB);
        while (shadow.count > MANY / 1000)
            shadow_free(&shadow, shadow.count - 1);
        purge_for_a_decay();
        assert_in_range(resident_bytes(shadow.heap), 1, before + 256 * KIB);
    }
    shadow_check(&shadow);
}

static void mutate_meanwhile(void)
{
    for (unsigned i = 0; i < 20; i++)
        shadow_step(&shadow);
}

/* While pages are on their way back the mutator goes on: it never waits (a lock held would stop this test for good),
   and is never given one of those pages. */
static void mutator_goes_on_during_a_purge(void **state)
{
    (void)state;
    os_test_on_discard(mutate_meanwhile);
    for (unsigned step = 0; step < 3000; step++) {
        shadow_step(&shadow);
        if (step % 10 == 0) {
            struct purge_result result = {0};
            clock_test_ahead_ms += DECAY_MS / 3;
            heap_purge(shadow.heap, false, &result);
        }
        if (step % 300 == 0)
            shadow_check(&shadow);
    }
    os_test_on_discard(NULL);
    shadow_check(&shadow);
    assert_true(shadow.heap->image.purged_bytes_total > 0);
}

/* An old heap without much in it settles in the first blocks instead of wandering through all. */
static void settles_in_few_blocks(void **state)
{
    (void)state;
    fill_heap(MANY, 2000);
    while (shadow.count > 200)
        shadow_free(&shadow, shadow_random(&shadow, shadow.count));
    purge_for_a_decay();
    for (unsigned round = 0; round < 20; round++) {
        fill_heap(2000, 500);
        while (shadow.count > 200)
            shadow_free(&shadow, shadow.count - 1);
        pass_after(DECAY_MS / 2);
    }
    assert_true(resident_bytes(shadow.heap) < 12 * MIB);
}

/* Memory that the system refuses to take back is not counted as given back, nor asked for again and again. */
static void locked_memory_stays(void **state)
{
    (void)state;
    fill_heap(5000, 1000);
    shadow_free_all(&shadow);
    os_test_refuse_discards(true);
    for (unsigned step = 0; step <= DECAY_STEPS; step++) {
        struct purge_result result = pass_after(DECAY_MS / DECAY_STEPS);
        assert_int_equal(result.bytes, 0);
        assert_in_range(result.calls, 0, 1);
    }
    os_test_refuse_discards(false);
    assert_true(pass_after(DECAY_MS).bytes > 4000000);
    fill_heap(5000, 1000);
    shadow_check(&shadow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(follows_the_decay, start, end),
        cmocka_unit_test_setup_teardown(survivors_stay, start, end),
        cmocka_unit_test_setup_teardown(breathing_keeps_its_air, start, end),
        cmocka_unit_test_setup_teardown(large_mappings_decay, start, end),
        cmocka_unit_test_setup_teardown(trim_waits_for_nothing, start, end),
        cmocka_unit_test_setup_teardown(purged_heap_works_on, start, end),
        cmocka_unit_test_setup_teardown(purged_pages_go_again, start, end),
        cmocka_unit_test_setup_teardown(mutator_goes_on_during_a_purge, start, end),
        cmocka_unit_test_setup_teardown(settles_in_few_blocks, start, end),
        cmocka_unit_test_setup_teardown(locked_memory_stays, start, end),
    };
    return cmocka_run_group_tests_name("runtime purge", tests, NULL, NULL);
}
