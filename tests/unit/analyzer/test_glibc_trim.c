/* What malloc_trim(0) gives back, page by page, of regions made by hand. */
#include "unit.h"

#include "walk/glibc_trim.h"

enum { PAGE = 4096, BASE = 0x100000, PAGES = 64, HUGE_PAGE = 16 * PAGE };

static struct chunk_map map;
static struct presence presence;
static struct chunk_region *region;
static struct trim_facts facts;

/* A region of 64 resident pages but one: page 9. Its last chunk is a top. */
static int make(void **state)
{
    (void)state;
    map = (struct chunk_map){0};
    presence = (struct presence){0};
    struct address_range range = {address(BASE), address(BASE + PAGES * PAGE)};
    struct address_range first = {range.start, address(BASE + 9 * PAGE)}, rest = {address(BASE + 10 * PAGE), range.end};
    assert_null(chunk_map_add_region(&map, range, &region));
    assert_null(presence_add(&presence, first, PAGE_ANONYMOUS));
    assert_null(presence_add(&presence, rest, PAGE_ANONYMOUS));
    facts = (struct trim_facts){.presence = &presence, .page_bytes = PAGE, .top_unit_bytes = PAGE};
    return 0;
}

static int drop(void **state)
{
    (void)state;
    chunk_map_free(&map);
    presence_free(&presence);
    return 0;
}

static void add(uint64_t offset, bool used)
{
    chunk_region_add(region, address(BASE + offset), used);
}

static void add_top(uint64_t offset)
{
    add(offset, false);
    facts.top = address(BASE + offset);
}

/* One free chunk between two used ones. */
static uint64_t trimmed_of(uint64_t start, uint64_t end)
{
    drop(NULL);
    make(NULL);
    add(0, true);
    add(start, false);
    add(end, true);
    return glibc_trim_bytes(region, &facts);
}

static void a_free_chunk_keeps_its_links_and_its_ends(void **state)
{
    (void)state;
    assert_int_equal(trimmed_of(4 * PAGE - 48, 5 * PAGE), PAGE);
    assert_int_equal(trimmed_of(4 * PAGE - 32, 5 * PAGE), 0);
    assert_int_equal(trimmed_of(4 * PAGE - 48, 5 * PAGE - 16), 0);
    assert_int_equal(trimmed_of(4 * PAGE, 7 * PAGE + 16), 2 * PAGE);
    assert_int_equal(trimmed_of(4 * PAGE, 4 * PAGE + 32), 0);
}

static void absent_pages_are_not_given_back(void **state)
{
    (void)state;
    assert_int_equal(trimmed_of(8 * PAGE, 12 * PAGE), 2 * PAGE);
    assert_int_equal(trimmed_of(9 * PAGE - 48, 10 * PAGE), 0);
}

static void neighbours_are_joined_first(void **state)
{
    (void)state;
    add(0, true);
    add(20 * PAGE - 64, false);
    for (unsigned i = 0; i < 63; i++)
        add(20 * PAGE + i * 64, false);
    add(21 * PAGE, true);
    assert_int_equal(glibc_trim_bytes(region, &facts), PAGE);
}

static void the_end_is_shortened_where_it_can_be(void **state)
{
    (void)state;
    add(0, true);
    add_top(60 * PAGE - 32);
    assert_int_equal(glibc_trim_bytes(region, &facts), 0);
    facts.can_shorten = true;
    assert_int_equal(glibc_trim_bytes(region, &facts), 3 * PAGE);
}

static void the_end_shrinks_by_its_unit(void **state)
{
    (void)state;
    facts.can_shorten = true;
    facts.top_unit_bytes = HUGE_PAGE;
    add(0, true);
    add_top(30 * PAGE);
    assert_int_equal(glibc_trim_bytes(region, &facts), 2 * HUGE_PAGE);
}

static void a_small_end_stays(void **state)
{
    (void)state;
    facts.can_shorten = true;
    add(0, true);
    add_top(PAGES * PAGE - 32);
    assert_int_equal(glibc_trim_bytes(region, &facts), 0);
}

/* A fast chunk before the top belongs to it in the end; that of another arena stays as it is, and so does the chunk. */
static void what_is_free_before_the_end_joins_it(void **state)
{
    (void)state;
    add(0, true);
    add(40 * PAGE, false);
    add(50 * PAGE, false);
    add_top(63 * PAGE);
    assert_int_equal(glibc_trim_bytes(region, &facts), 0);
    facts.can_shorten = true;
    assert_int_equal(glibc_trim_bytes(region, &facts), 23 * PAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_free_chunk_keeps_its_links_and_its_ends, make, drop),
        cmocka_unit_test_setup_teardown(absent_pages_are_not_given_back, make, drop),
        cmocka_unit_test_setup_teardown(neighbours_are_joined_first, make, drop),
        cmocka_unit_test_setup_teardown(the_end_is_shortened_where_it_can_be, make, drop),
        cmocka_unit_test_setup_teardown(the_end_shrinks_by_its_unit, make, drop),
        cmocka_unit_test_setup_teardown(a_small_end_stays, make, drop),
        cmocka_unit_test_setup_teardown(what_is_free_before_the_end_joins_it, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
