/*
 * The heap as Lua sees it: what is allocated stays what it is, whatever happens round it, and the image is true.
 */
#include "unit.h"
#include "image_check.h"
#include "large.h"
#include "os_memory.h"
#include "small.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Any order of any sizes: no overlap, no changed byte, all equations. */
static void random_operations(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct heap *heap = shadow.heap;
        shadow_start(&shadow, heap, seed);
        for (unsigned step = 0; step < 60000; step++) {
            shadow_step(&shadow);
            if (step % 5000 == 0)
                shadow_check(&shadow);
        }
        shadow_check(&shadow);
        shadow_free_all(&shadow);
        shadow_check(&shadow);
    }
}

/* Each size round the borders of small, medium and large, with each other size as its new one. */
static void every_border(void **state)
{
    (void)state;
    static const size_t borders[] = {1, 16, 256, 4 * KIB, 8 * KIB, 64 * KIB, 128 * KIB, 256 * KIB};
    static const int nears[] = {-17, -16, -1, 0, 1, 16, 17};
    size_t sizes[sizeof(borders) / sizeof(borders[0]) * 7];
    size_t count = 0;
    for (size_t i = 0; i < sizeof(borders) / sizeof(borders[0]); i++) {
        for (size_t j = 0; j < 7; j++) {
            long size = (long)borders[i] + nears[j];
            if (size > 0)
                sizes[count++] = (size_t)size;
        }
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            assert_true(shadow_allocate(&shadow, sizes[i]));
            assert_true(shadow_resize(&shadow, 0, sizes[j]));
            assert_true(shadow_resize(&shadow, 0, sizes[i]));
            shadow_free(&shadow, 0);
        }
        shadow_check(&shadow);
    }
}

/* An object that shrinks stays where it is, unless it comes to the size that has blocks of its own, or leaves it. */
static void shrinks_in_place(void **state)
{
    (void)state;
    assert_true(shadow_allocate(&shadow, 8000));
    unsigned char *before = shadow.objects[0].address;
    for (size_t bytes = 7000; bytes > 64; bytes -= 101) {
        assert_true(shadow_resize(&shadow, 0, bytes));
        assert_ptr_equal(shadow.objects[0].address, before);
    }
    assert_true(shadow_resize(&shadow, 0, 50));
    assert_int_equal((uintptr_t)shadow.objects[0].address % LINE_BYTES, 0);
    assert_ptr_not_equal(block_of(shadow.objects[0].address), block_of(before));
    assert_true(shadow_resize(&shadow, 0, 48));
    assert_ptr_equal(block_of(shadow.objects[0].address), block_of(before));
    shadow_check(&shadow);
}

/* Objects of the size of a Lua table lie on cache lines of their own, one behind the other. */
static void lines_lie_on_lines(void **state)
{
    (void)state;
    unsigned char *last = NULL;
    unsigned adjacent = 0;
    for (unsigned i = 0; i < 3000; i++) {
        assert_true(shadow_allocate(&shadow, 49 + i % 16));
        unsigned char *address = shadow.objects[shadow.count - 1].address;
        assert_int_equal((uintptr_t)address % LINE_BYTES, 0);
        adjacent += last && address == last + LINE_BYTES;
        last = address;
        assert_true(shadow_allocate(&shadow, 1 + i % 48));
    }
    assert_in_range(adjacent, 2990, 2999);
    shadow_check(&shadow);
}

/* The last object of a section touches the hole of the next one, and must not melt into it: each has its own count. */
static void sections_stay_apart(void **state)
{
    (void)state;
    do {
        assert_true(shadow_allocate(&shadow, 16));
    } while ((uintptr_t)(shadow.objects[shadow.count - 1].address + 16) % SECTION_BYTES != 0);
    assert_true(shadow_allocate(&shadow, 16));
    assert_ptr_equal(shadow.objects[shadow.count - 1].address, shadow.objects[shadow.count - 2].address + 16);
    shadow_free(&shadow, shadow.count - 1);
    shadow_free(&shadow, shadow.count - 1);
    lanes_close(shadow.heap);
    shadow_check(&shadow);
}

/* More large objects than the first table has slots, and more blocks than the first block table. */
static void tables_grow(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 500; i++)
        assert_true(shadow_allocate(&shadow, 128 * KIB));
    shadow_check(&shadow);
    for (unsigned i = 0; i < 500; i += 2)
        shadow_free(&shadow, shadow.count - 1 - shadow_random(&shadow, 100));
    shadow_check(&shadow);
    shadow_free_all(&shadow);
    for (unsigned i = 0; i < 80 * 37; i++)
        assert_true(shadow_allocate(&shadow, 110 * KIB));
    assert_true(shadow.heap->image.block_slots > 64);
    shadow_check(&shadow);
    shadow_free_all(&shadow);
    shadow_check(&shadow);
}

/* Without memory for a move from one kind of block to the other: there and back. */
static void shrink_among_blocks(void)
{
    size_t line = 0;
    size_t other = 0;
    for (size_t i = 0; i < shadow.count; i++) {
        size_t rounded = round_up(shadow.objects[i].bytes, GRANULE_BYTES);
        line = rounded == LINE_BYTES ? i : line;
        other = rounded == 96 ? i : other;
    }
    assert_true(line != 0 && other != 0);
    uint32_t before = shadow.heap->undersized;
    assert_true(shadow_resize(&shadow, line, 20));
    assert_true(shadow_resize(&shadow, other, 64));
    assert_int_equal(shadow.heap->undersized, before + 2);
    assert_true(shadow_resize(&shadow, other, 40));
    assert_true(shadow_resize(&shadow, line, 10));
    assert_int_equal(shadow.heap->undersized, before + 1);
    shadow_free(&shadow, line > other ? line : other);
    shadow_free(&shadow, line > other ? other : line);
    assert_int_equal(shadow.heap->undersized, before);
}

/* An object that can't move to a block when it shrinks stays on its mapping, and can go on from there. */
static void shrinking_never_fails(void **state)
{
    (void)state;
    assert_true(shadow_allocate(&shadow, 500 * KIB));
    assert_true(shadow_allocate(&shadow, 500 * KIB));
    assert_true(shadow_allocate(&shadow, 500 * KIB));
    assert_true(shadow_allocate(&shadow, 96));
    assert_true(shadow_allocate(&shadow, 64));
    /* Use up what the blocks hold, so that nothing is left for a small object. */
    os_test_fail_after(0);
    while (shadow_allocate(&shadow, 8000)) {
    }
    while (shadow_allocate(&shadow, 96)) {
    }
    while (shadow_allocate(&shadow, 64)) {
    }
    while (shadow_allocate(&shadow, 1)) {
    }
    assert_true(shadow_resize(&shadow, 0, 100));
    assert_true(shadow_resize(&shadow, 1, 64 * KIB));
    assert_true(shadow_resize(&shadow, 2, 130 * KIB));
    assert_int_equal(shadow.heap->undersized, 2);
    shrink_among_blocks();
    shadow_check(&shadow);
    os_test_fail_after(-1);
    for (size_t i = 0; i < shadow.count; i++) {
        if (shadow.objects[i].bytes == 100)
            assert_true(shadow_resize(&shadow, i, 200 * KIB));
    }
    assert_int_equal(shadow.heap->undersized, 1);
    shadow_free_all(&shadow);
    assert_int_equal(shadow.heap->undersized, 0);
    shadow_check(&shadow);
}

/* Whatever call for memory fails, the heap stays whole and goes on when there is memory again. */
static void out_of_memory(void **state)
{
    (void)state;
    unsigned refused = 0;
    for (long successes = 0; successes < 60; successes++) {
        os_test_fail_after(successes);
        for (unsigned i = 0; i < 400; i++) {
            size_t before = shadow.count;
            if (shadow.count < SHADOW_OBJECTS && !shadow_allocate(&shadow, shadow_size(&shadow) * 3))
                refused++;
            if (shadow.count > 0 && i % 3 == 0)
                shadow_resize(&shadow, shadow_random(&shadow, shadow.count), shadow_size(&shadow) * 2);
            if (shadow.count > 3000 || (before == shadow.count && shadow.count > 0))
                shadow_free(&shadow, shadow_random(&shadow, shadow.count));
        }
        shadow_check(&shadow);
        os_test_fail_after(-1);
        assert_true(shadow_allocate(&shadow, 100 * KIB));
        assert_true(shadow_allocate(&shadow, 400 * KIB));
        if (successes % 10 == 9)
            shadow_free_all(&shadow);
    }
    assert_in_range(refused, 100, 1000000);
    /* Nor can sizes that no machine has overflow anything. */
    assert_false(shadow_allocate(&shadow, SIZE_MAX));
    assert_false(shadow_allocate(&shadow, SIZE_MAX - 4096));
    assert_false(shadow_allocate(&shadow, (size_t)1 << 47));
}

static void creation_without_memory(void **state)
{
    (void)state;
    size_t before = os_test_mapped_bytes();
    os_test_fail_after(0);
    assert_null(heap_create(1000, 1));
    for (long successes = 1; successes <= 2; successes++) {
        os_test_fail_after(successes);
        struct heap *heap = heap_create(1000, 1);
        assert_non_null(heap);
        assert_false(heap_prepare(heap));
        heap_destroy(heap);
        assert_int_equal(os_test_mapped_bytes(), before);
    }
    /* What is prepared is enough for a state of either kind of object. */
    os_test_fail_after(3);
    struct heap *heap = heap_create(1000, 1);
    assert_true(heap_prepare(heap));
    os_test_fail_after(0);
    for (unsigned i = 0; i < 1000; i++)
        assert_non_null(heap_reallocate(heap, NULL, 0, i % 2 ? 64 : 1 + i * 2));
    heap_destroy(heap);
    assert_int_equal(os_test_mapped_bytes(), before);
}

/* What lua_close does: frees are skipped, allocations work, and an endless finalizer does not eat the machine. */
static void closing(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        assert_true(shadow_allocate(&shadow, 1 + i));
    struct heap *heap = shadow.heap;
    for (unsigned i = 0; i < 500; i++)
        assert_null(heap_reallocate_closing(heap, shadow.objects[i].address, shadow.objects[i].bytes, 0));
    assert_int_equal(check_image(heap), shadow.bytes);
    for (unsigned i = 0; i < 100000; i++) {
        void *object = heap_reallocate_closing(heap, NULL, 0, 4000);
        assert_non_null(object);
        heap_reallocate_closing(heap, object, 4000, 0);
    }
    assert_in_range(heap->image.held_bytes, 0, 64 * MIB);
}

static size_t mapping_lines(char *text, size_t bytes)
{
    FILE *file = fopen("/proc/self/maps", "re");
    assert_non_null(file);
    size_t used = fread(text, 1, bytes - 1, file);
    fclose(file);
    text[used] = '\0';
    return used;
}

/* After its end nothing of a heap is left in the address space. */
static void destroy_leaves_nothing(void **state)
{
    (void)state;
    enum { ROOM = 1 << 20 };
    static char before[ROOM];
    static char after[ROOM];
    static struct shadow other;
    mapping_lines(before, ROOM);
    mapping_lines(before, ROOM);
    for (unsigned round = 0; round < 20; round++) {
        struct heap *heap = heap_create(1000, 1);
        heap->held_open = true;
        shadow_start(&other, heap, round);
        for (unsigned i = 0; i < 5000; i++)
            shadow_step(&other);
        heap_destroy(heap);
    }
    mapping_lines(after, ROOM);
    assert_string_equal(before, after);
}

/* Objects allocated one after the other lie one after the other: what a program makes together stays together. */
static void neighbours_stay_together(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        assert_true(shadow_allocate(&shadow, 80 + i % 5 * 16));
    unsigned adjacent = 0;
    for (unsigned i = 1; i < 1000; i++) {
        unsigned char *expected = shadow.objects[i - 1].address + round_up(shadow.objects[i - 1].bytes, GRANULE_BYTES);
        adjacent += shadow.objects[i].address == expected;
    }
    assert_in_range(adjacent, 960, 999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_operations, start, end),
        cmocka_unit_test_setup_teardown(every_border, start, end),
        cmocka_unit_test_setup_teardown(shrinks_in_place, start, end),
        cmocka_unit_test_setup_teardown(lines_lie_on_lines, start, end),
        cmocka_unit_test_setup_teardown(sections_stay_apart, start, end),
        cmocka_unit_test_setup_teardown(tables_grow, start, end),
        cmocka_unit_test_setup_teardown(shrinking_never_fails, start, end),
        cmocka_unit_test_setup_teardown(out_of_memory, start, end),
        cmocka_unit_test_setup_teardown(creation_without_memory, start, end),
        cmocka_unit_test_setup_teardown(closing, start, end),
        cmocka_unit_test_setup_teardown(destroy_leaves_nothing, start, end),
        cmocka_unit_test_setup_teardown(neighbours_stay_together, start, end),
    };
    return cmocka_run_group_tests_name("runtime heap", tests, NULL, NULL);
}
