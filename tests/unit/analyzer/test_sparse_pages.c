/* Sparse pages: which they are, and which objects lie on them. */
#include "unit.h"

#include "fake_capture.h"
#include "layouts/lua_layout.h"
#include "walk/lua_sparse_pages.h"

enum { PAGE = FAKE_PAGE_BYTES, BASE = 0x400000, PAGES = 8 };

/* A heap with nothing but strings. */
struct string_heap {
    struct fake_capture fake;
    unsigned char *bytes;
    struct lua_state state;
    struct object_graph graph;
    struct heap_region *region;
    struct lua_site site;
    uint8_t types[16];
    uint32_t bytes_of[16];
    unsigned string_count;
};

static void start(struct string_heap *heap)
{
    const struct address_range range = {address(BASE), address(BASE + PAGES * PAGE)};
    *heap = (struct string_heap){.site = {.layout = lua_layout_row(0), .thread = address(BASE)}};
    fake_capture_start(&heap->fake);
    heap->bytes = fake_capture_map(&heap->fake, BASE, PAGES * PAGE);
    assert_null(heap_add_region(&heap->state.heap, range, PAGE, &heap->region));
    assert_null(object_index_make(&range, 1, &heap->graph.index));
    heap->graph.types = heap->types;
    heap->graph.bytes = heap->bytes_of;
    heap->state.graph = &heap->graph;
}

/* A string of so many bytes. They are put by address. */
static void put_string(struct string_heap *heap, unsigned offset, unsigned block_bytes)
{
    heap->bytes_of[heap->string_count++] = block_bytes;
    heap_region_mark(heap->region, PAGE, address(BASE + offset), block_bytes, PAGE_USE_LIVE);
    assert_true(object_index_add(&heap->graph.index, address(BASE + offset)));
}

static void put_free(struct string_heap *heap, unsigned offset, unsigned bytes)
{
    heap_region_mark(heap->region, PAGE, address(BASE + offset), bytes, PAGE_USE_FREE);
}

static struct sparse_pages find(struct string_heap *heap)
{
    struct sparse_pages pages;
    object_index_seal(&heap->graph.index);
    heap->graph.count = heap->graph.index.count;
    assert_null(lua_sparse_pages_find(&heap->fake.capture, &heap->site, &heap->state, &pages));
    return pages;
}

static void finish(struct string_heap *heap, struct sparse_pages *pages)
{
    sparse_pages_free(pages);
    object_index_free(&heap->graph.index);
    heap_release(&heap->state.heap);
    fake_capture_free(&heap->fake);
}

static void a_page_is_sparse_when_more_than_half_of_it_is_free(void **state)
{
    (void)state;
    struct string_heap heap;
    start(&heap);
    put_string(&heap, 0, PAGE / 2);
    put_free(&heap, PAGE / 2, PAGE / 2);
    put_string(&heap, PAGE, PAGE / 2 - 8);
    put_free(&heap, PAGE + PAGE / 2 - 8, PAGE / 2 + 8);
    put_free(&heap, 2 * PAGE, PAGE);
    struct sparse_pages pages = find(&heap);
    assert_int_equal(pages.count, 1);
    assert_int_equal(pages.addresses[0].value, BASE + PAGE);
    assert_int_equal(pages.free_bytes[0], PAGE / 2 + 8);
    assert_int_equal(pages.entry_count, 1);
    assert_int_equal(pages.objects[0], 1);
    assert_int_equal(pages.object_bytes[0], PAGE / 2 - 8);
    finish(&heap, &pages);
}

static void an_object_counts_on_each_page_with_the_bytes_there(void **state)
{
    (void)state;
    struct string_heap heap;
    start(&heap);
    put_free(&heap, 0, PAGE - 200);
    put_string(&heap, PAGE - 200, 40);
    put_string(&heap, PAGE - 160, 160 + PAGE + 96);
    put_free(&heap, 2 * PAGE + 96, PAGE - 96);
    struct sparse_pages pages = find(&heap);
    assert_int_equal(pages.count, 2);
    assert_int_equal(pages.first_entries[0], 0);
    assert_int_equal(pages.first_entries[1], 2);
    assert_int_equal(pages.first_entries[2], 3);
    assert_int_equal(pages.objects[0], 0);
    assert_int_equal(pages.object_bytes[0], 40);
    assert_int_equal(pages.objects[1], 1);
    assert_int_equal(pages.object_bytes[1], 160);
    assert_int_equal(pages.addresses[1].value, BASE + 2 * PAGE);
    assert_int_equal(pages.objects[2], 1);
    assert_int_equal(pages.object_bytes[2], 96);
    finish(&heap, &pages);
}

static void pages_that_the_allocator_needs_are_not_pinned(void **state)
{
    (void)state;
    struct string_heap heap;
    start(&heap);
    put_string(&heap, 0, 64);
    put_free(&heap, 64, PAGE - 96);
    heap_region_mark(heap.region, PAGE, address(BASE + PAGE - 32), 32, PAGE_USE_META);
    struct sparse_pages pages = find(&heap);
    assert_int_equal(pages.count, 0);
    assert_int_equal(pages.entry_count, 0);
    finish(&heap, &pages);
}

static void absent_pages_are_not_pinned(void **state)
{
    (void)state;
    struct string_heap heap;
    start(&heap);
    put_string(&heap, 0, 64);
    put_free(&heap, 64, PAGE - 64);
    put_string(&heap, PAGE, 64);
    put_free(&heap, PAGE + 64, PAGE - 64);
    heap.fake.capture.presence.items[0].range.start = address(BASE + PAGE);
    struct sparse_pages pages = find(&heap);
    assert_int_equal(pages.count, 1);
    assert_int_equal(pages.addresses[0].value, BASE + PAGE);
    finish(&heap, &pages);
}

static void both_heaps_of_a_state_are_searched(void **state)
{
    (void)state;
    struct string_heap heap;
    start(&heap);
    const struct address_range former = {address(BASE - PAGES * PAGE), address(BASE)};
    assert_null(heap_add_region(&heap.state.former_heap, former, PAGE, &heap.region));
    heap_region_mark(heap.region, PAGE, address(BASE - PAGE), 64, PAGE_USE_LIVE);
    heap_region_mark(heap.region, PAGE, address(BASE - PAGE + 64), PAGE - 64, PAGE_USE_FREE);
    heap.fake.capture.presence.items[0].range.start = former.start;
    heap.region = &heap.state.heap.regions[0];
    put_string(&heap, 3 * PAGE, 64);
    put_free(&heap, 3 * PAGE + 64, PAGE - 64);
    struct sparse_pages pages = find(&heap);
    assert_int_equal(pages.count, 2);
    assert_int_equal(pages.addresses[0].value, BASE - PAGE);
    assert_int_equal(pages.first_entries[1], 0);
    assert_int_equal(pages.addresses[1].value, BASE + 3 * PAGE);
    assert_int_equal(pages.entry_count, 1);
    heap_release(&heap.state.former_heap);
    finish(&heap, &pages);
}

static void objects_that_overlap_are_refused(void **state)
{
    (void)state;
    struct string_heap heap;
    struct sparse_pages pages;
    start(&heap);
    for (unsigned i = 0; i < 16; i++)
        put_string(&heap, i * 16, PAGES * PAGE);
    put_free(&heap, PAGE, PAGE - 64);
    object_index_seal(&heap.graph.index);
    heap.graph.count = heap.graph.index.count;
    struct error *error = lua_sparse_pages_find(&heap.fake.capture, &heap.site, &heap.state, &pages);
    assert_non_null(error);
    assert_int_equal(error_kind(error), ERROR_NOT_UNDERSTOOD);
    error_free(error);
    pages = (struct sparse_pages){0};
    finish(&heap, &pages);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_is_sparse_when_more_than_half_of_it_is_free),
        cmocka_unit_test(an_object_counts_on_each_page_with_the_bytes_there),
        cmocka_unit_test(pages_that_the_allocator_needs_are_not_pinned),
        cmocka_unit_test(absent_pages_are_not_pinned),
        cmocka_unit_test(both_heaps_of_a_state_are_searched),
        cmocka_unit_test(objects_that_overlap_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
