/* The list of page runs, and what the kernel says of a child's pages against what the child itself knows. */
#include <fcntl.h>
#include <stdio.h>

#include "checks.h"
#include "pattern.h"
#include "target/page_scan.h"
#include "target/presence.h"
#include "target/target.h"

static struct address_range pages(uint64_t first, uint64_t end)
{
    return (struct address_range){address(first * PAGE), address(end * PAGE)};
}

/* Bigger than any that the child makes: AddressSanitizer's shadow, whose entries take half a minute to read. */
#define WHOLE_MAPPING_BYTES_MAX (2ull << 40)

static void merges_neighbours(void **state)
{
    (void)state;
    struct presence presence = {0};
    assert_ok(presence_add(&presence, pages(1, 2), PAGE_ANONYMOUS));
    assert_ok(presence_add(&presence, pages(2, 4), PAGE_ANONYMOUS));
    assert_ok(presence_add(&presence, pages(4, 5), PAGE_FILE));
    assert_ok(presence_add(&presence, pages(6, 7), PAGE_FILE));
    assert_ok(presence_add(&presence, pages(7, 7), PAGE_SWAPPED));
    assert_int_equal(presence.count, 3);
    assert_int_equal(range_bytes(presence.items[0].range), 3 * PAGE);
    assert_error(presence_add(&presence, pages(3, 9), PAGE_FILE), ERROR_FAILED, "added after");
    presence_free(&presence);
}

/* Sums of random ranges equal those counted page by page. */
static void sums_ranges(void **state)
{
    (void)state;
    enum { PAGES = 400 };
    int kinds[PAGES];
    struct presence presence = {0};
    srand(7);
    for (unsigned i = 0; i < PAGES; i++) {
        kinds[i] = rand() % 5;
        if (kinds[i] <= PAGE_SWAPPED)
            assert_ok(presence_add(&presence, pages(i, i + 1), (enum page_state)kinds[i]));
    }
    for (int round = 0; round < 20000; round++) {
        uint64_t from = (uint64_t)rand() % (PAGES * PAGE), to = (uint64_t)rand() % (PAGES * PAGE);
        uint64_t resident = 0, swapped = 0;
        for (unsigned i = 0; i < PAGES; i++) {
            uint64_t start = from > i * (uint64_t)PAGE ? from : i * (uint64_t)PAGE;
            uint64_t end = to < (i + 1) * (uint64_t)PAGE ? to : (i + 1) * (uint64_t)PAGE;
            uint64_t bytes = end > start ? end - start : 0;
            resident += kinds[i] < PAGE_SWAPPED ? bytes : 0;
            swapped += kinds[i] == PAGE_SWAPPED ? bytes : 0;
        }
        struct address_range range = {address(from), address(to)};
        assert_int_equal(presence_resident_bytes(&presence, range), resident);
        assert_int_equal(presence_state_bytes(&presence, range, PAGE_SWAPPED), swapped);
    }
    presence_free(&presence);
}

static struct address_range region_range(const struct region *region)
{
    address_t start = address((uintptr_t)region->start);
    return (struct address_range){start, address_add(start, (uint64_t)REGION_PAGES * PAGE)};
}

static void assert_pages(const struct presence *presence, const struct region *region, enum region_kind kind)
{
    for (unsigned i = 0; i < REGION_PAGES; i++) {
        address_t start = address((uintptr_t)region->start + (size_t)i * PAGE);
        struct address_range page = {start, address_add(start, PAGE)};
        uint64_t expected = pattern_is_present(kind, i) ? PAGE : 0;
        if (kind == REGION_COPIED && !expected)
            continue;
        assert_int_equal(presence_resident_bytes(presence, page), expected);
    }
}

/* The file's pages may all be in the page cache, and the zero page counts for mincore: both are known without it. */
static bool mincore_tells(enum region_kind kind)
{
    return kind != REGION_COPIED && kind != REGION_ZERO && kind != REGION_STACK;
}

static void agrees_with_the_child(void **state)
{
    (void)state;
    skip_unless_root();
    struct pattern pattern;
    struct target *target;
    struct child child = pattern_start(&pattern);
    assert_ok(target_open_process(child.pid, &target));
    for (int kind = 0; kind < REGION_STACK; kind++) {
        struct presence presence = {0};
        const struct region *region = &pattern.regions[kind];
        assert_ok(target_presence(target, region_range(region), &presence));
        assert_pages(&presence, region, kind);
        for (unsigned i = 0; i < REGION_PAGES && mincore_tells(kind); i++)
            assert_int_equal(region->core[i] & 1, pattern_is_present(kind, i));
        presence_free(&presence);
    }
    target_close(target);
    child_end(&child);
}

/* Both ways to ask the kernel give the same runs, for everything that the child has mapped. */
static void both_ways_agree(void **state)
{
    (void)state;
    skip_unless_root();
    struct page_scan_ability ability;
    page_scan_probe(&ability);
    if (!ability.scan || !ability.frames)
        skip();
    struct pattern pattern;
    struct child child = pattern_start(&pattern);
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/pagemap", child.pid);
    int pagemap = open(path, O_RDONLY);
    struct target *target;
    struct mappings mappings;
    assert_ok(target_open_process(child.pid, &target));
    assert_ok(target_mappings_with_sizes(target, &mappings));
    for (size_t i = 0; i < mappings.count; i++) {
        const struct mapping *mapping = &mappings.items[i];
        struct presence scanned = {0}, entries = {0};
        struct error *error = NULL;
        uint64_t expected = mapping->sizes.resident_bytes + mapping->sizes.swap_bytes;
        if (range_bytes(mapping->range) > WHOLE_MAPPING_BYTES_MAX)
            continue;
        assert_int_equal(page_scan_ioctl(pagemap, mapping->range, &scanned, &error), 0);
        assert_int_equal(page_scan_entries(pagemap, &ability, mapping->range, expected, &entries, &error), 0);
        assert_null(error);
        assert_int_equal(scanned.count, entries.count);
        if (scanned.count)
            assert_memory_equal(scanned.items, entries.items, scanned.count * sizeof(*scanned.items));
        presence_free(&scanned);
        presence_free(&entries);
    }
    mappings_free(&mappings);
    target_close(target);
    close(pagemap);
    child_end(&child);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merges_neighbours),
        cmocka_unit_test(sums_ranges),
        cmocka_unit_test(agrees_with_the_child),
        cmocka_unit_test(both_ways_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
