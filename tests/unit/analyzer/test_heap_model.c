/* Pages of a heap: what is marked, and which of it could go back. */
#include "unit.h"

#include "model/heap.h"

enum { PAGE = 4096, BASE = 0x100000 };

static struct heap_region *region_of(struct heap *heap, unsigned pages)
{
    struct heap_region *region;
    struct address_range range = {address(BASE), address(BASE + pages * PAGE)};
    assert_null(heap_add_region(heap, range, PAGE, &region));
    return region;
}

static void marking_touches_every_page_of_the_stretch(void **state)
{
    (void)state;
    struct heap heap = {0};
    struct heap_region *region = region_of(&heap, 4);
    heap_region_mark(region, PAGE, address(BASE + PAGE - 1), 2, PAGE_USE_LIVE);
    assert_int_equal(region->page_use[0], PAGE_USE_LIVE);
    assert_int_equal(region->page_use[1], PAGE_USE_LIVE);
    assert_int_equal(region->page_use[2], 0);
    heap_release(&heap);
}

static void marking_stays_inside_the_region(void **state)
{
    (void)state;
    struct heap heap = {0};
    struct heap_region *region = region_of(&heap, 2);
    heap_region_mark(region, PAGE, address(BASE - PAGE), 64 * PAGE, PAGE_USE_FREE);
    assert_int_equal(region->page_use[0], PAGE_USE_FREE);
    assert_int_equal(region->page_use[1], PAGE_USE_FREE);
    heap_region_mark(region, PAGE, address(BASE + 2 * PAGE), PAGE, PAGE_USE_LIVE);
    assert_int_equal(region->page_use[1], PAGE_USE_FREE);
    heap_release(&heap);
}

static void free_bytes_are_counted_by_page(void **state)
{
    (void)state;
    struct heap heap = {0};
    struct heap_region *region = region_of(&heap, 3);
    heap_region_mark(region, PAGE, address(BASE + 16), 32, PAGE_USE_FREE);
    heap_region_mark(region, PAGE, address(BASE + PAGE - 100), PAGE + 300, PAGE_USE_FREE);
    heap_region_mark(region, PAGE, address(BASE + 64), 128, PAGE_USE_LIVE);
    assert_int_equal(region->free_bytes[0], 32 + 100);
    assert_int_equal(region->free_bytes[1], PAGE);
    assert_int_equal(region->free_bytes[2], 200);
    heap_release(&heap);
}

static void only_whole_resident_pages_are_reclaimable(void **state)
{
    (void)state;
    struct heap heap = {0};
    struct heap_region *region = region_of(&heap, 4);
    heap_region_mark_reclaimable(region, PAGE, address(BASE + 64), 3 * PAGE);
    struct presence presence = {0};
    struct address_range resident = {address(BASE), address(BASE + 2 * PAGE)};
    assert_null(presence_add(&presence, resident, PAGE_ANONYMOUS));
    heap_count_reclaimable(&heap, PAGE, &presence);
    /* Pages 1 and 2 are wholly inside; page 2 is not resident. */
    assert_int_equal(heap.reclaimable_bytes, PAGE);
    presence_free(&presence);
    heap_release(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marking_touches_every_page_of_the_stretch),
        cmocka_unit_test(marking_stays_inside_the_region),
        cmocka_unit_test(free_bytes_are_counted_by_page),
        cmocka_unit_test(only_whole_resident_pages_are_reclaimable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
