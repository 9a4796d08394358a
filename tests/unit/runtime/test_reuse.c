/*
 * Memory that is free is used again: small, medium and large, and that of a heap whose state is closed.
 */
#include "unit.h"
#include "image_check.h"
#include "os_memory.h"

static struct shadow shadow;

static int start(void **state)
{
    (void)state;
    shadow_open(&shadow, 1000, 1);
    return 0;
}

static int end(void **state)
{
    (void)state;
    shadow_close(&shadow);
    return 0;
}

/* Freed memory is used again: rounds of the same work hold no more than the first ones did. */
static void reuses_what_was_freed(void **state)
{
    (void)state;
    uint64_t held_bytes = 0;
    for (unsigned round = 0; round < 30; round++) {
        for (unsigned i = 0; i < 15000; i++)
            assert_true(shadow_allocate(&shadow, 1 + shadow_random(&shadow, 400)));
        while (shadow.count > 5000)
            shadow_free(&shadow, shadow_random(&shadow, shadow.count));
        if (round == 9)
            held_bytes = shadow.heap->image.held_bytes;
        while (shadow.count > 1000)
            shadow_free(&shadow, shadow_random(&shadow, shadow.count));
    }
    shadow_check(&shadow);
    assert_in_range(shadow.heap->image.held_bytes, 0, held_bytes + held_bytes / 4);
}

/* A freed large mapping serves the next one of that size, without going through the system. */
static void keeps_large_mappings(void **state)
{
    (void)state;
    assert_true(shadow_allocate(&shadow, 300 * KIB));
    unsigned char *address = shadow.objects[0].address;
    shadow_free(&shadow, 0);
    check_image(shadow.heap);
    os_test_fail_after(0);
    assert_true(shadow_allocate(&shadow, 290 * KIB));
    assert_ptr_equal(shadow.objects[0].address, address);
    os_test_fail_after(-1);
    /* More than may be kept goes back at once. */
    for (unsigned i = 0; i < 40; i++)
        assert_true(shadow_allocate(&shadow, 512 * KIB));
    uint64_t mapped_bytes = os_test_mapped_bytes();
    while (shadow.count > 0)
        shadow_free(&shadow, 0);
    check_image(shadow.heap);
    assert_true(os_test_mapped_bytes() <= mapped_bytes - (40 - LARGE_KEPT_MAX) * 512 * KIB);
}

/* Free blocks and kept mappings are given back when the system has no more, and taken again in another shape. */
static void makes_room(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 15000; i++)
            assert_true(shadow_allocate(&shadow, 2000));
        os_test_limit_bytes(os_test_mapped_bytes());
        assert_false(shadow_allocate(&shadow, 20 * MIB));
        shadow_free_all(&shadow);
        assert_true(shadow_allocate(&shadow, 10 * MIB));
        assert_true(shadow_resize(&shadow, 0, 20 * MIB));
        shadow_check(&shadow);
        shadow_free_all(&shadow);
        os_test_limit_bytes(0);
    }
    shadow_check(&shadow);
}

/* An object of more than 8 KiB grows where it is while there is room behind it; freed memory is soon taken again. */
static void medium_objects_stay(void **state)
{
    (void)state;
    assert_true(shadow_allocate(&shadow, 100));
    assert_true(shadow_allocate(&shadow, 9000));
    unsigned char *before = shadow.objects[1].address;
    for (size_t bytes = 10000; bytes < 100000; bytes += 7777) {
        assert_true(shadow_resize(&shadow, 1, bytes));
        assert_ptr_equal(shadow.objects[1].address, before);
    }
    shadow_check(&shadow);
    shadow_start(&shadow, shadow.heap, 1);
    for (unsigned i = 0; i < 3; i++)
        assert_true(shadow_allocate(&shadow, 20000));
    unsigned char *second = shadow.objects[1].address;
    shadow_free(&shadow, 1);
    assert_true(shadow_allocate(&shadow, 20000));
    assert_ptr_equal(shadow.objects[2].address, second);
    check_image(shadow.heap);
}

/* A heap that starts anew has its memory, none of its objects, and is right from the first to the last. */
static void recycled_heaps_are_new(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 10; round++) {
        for (unsigned i = 0; i < 2000; i++)
            assert_true(shadow_allocate(&shadow, 1 + shadow_random(&shadow, 200)));
        size_t mapped_bytes = os_test_mapped_bytes();
        assert_true(heap_recycle(shadow.heap));
        assert_int_equal(os_test_mapped_bytes(), mapped_bytes);
        shadow_start(&shadow, shadow.heap, round);
        shadow_check(&shadow);
        assert_int_equal(shadow.heap->image.state_address, 0);
        os_test_fail_after(0); /* nothing more is needed for as much again */
        for (unsigned i = 0; i < 1500; i++)
            assert_true(shadow_allocate(&shadow, 1 + shadow_random(&shadow, 200)));
        os_test_fail_after(-1);
        shadow_check(&shadow);
    }
    /* What is too big to be kept is left as it is. */
    for (unsigned i = 0; i < 20000; i++)
        assert_true(shadow_allocate(&shadow, 200));
    assert_false(heap_recycle(shadow.heap));
    shadow_check(&shadow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reuses_what_was_freed, start, end),
        cmocka_unit_test_setup_teardown(keeps_large_mappings, start, end),
        cmocka_unit_test_setup_teardown(makes_room, start, end),
        cmocka_unit_test_setup_teardown(medium_objects_stay, start, end),
        cmocka_unit_test_setup_teardown(recycled_heaps_are_new, start, end),
    };
    return cmocka_run_group_tests_name("runtime reuse", tests, NULL, NULL);
}
