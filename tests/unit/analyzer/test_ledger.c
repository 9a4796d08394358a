/* The page ledger: claims, mappings and .bss share out every page exactly once. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/ledger.h"
#include "base/array.h"
#include "fake_capture.h"

enum { PAGE = FAKE_PAGE_BYTES, BASE = 0x5000000 };

static const struct owner *owner(const struct memory_map *map, const char *name)
{
    for (size_t i = 0; i < map->owner_count; i++)
        if (strcmp(map->owners[i].name, name) == 0)
            return &map->owners[i];
    print_error("no owner %s\n", name);
    abort();
}

static void a_heap_in_the_middle_of_a_mapping_takes_its_pages_only(void **state)
{
    (void)state;
    struct fake_capture fake;
    struct lua_state lua = {.heap.kind = HEAP_STOCK};
    struct heap_region *region;
    fake_capture_start(&fake);
    fake_capture_map(&fake, BASE, 8 * PAGE);
    struct address_range heap = {address(BASE + 2 * PAGE), address(BASE + 5 * PAGE)};
    assert_null(heap_add_region(&lua.heap, heap, PAGE, &region));
    region->page_use[0] = PAGE_USE_META | PAGE_USE_LIVE;
    region->page_use[1] = PAGE_USE_FREE;
    region->page_use[2] = PAGE_USE_META;
    struct elf_modules modules = {0};
    struct allocator_modules allocators = {0};
    struct nginx_zones zones = {0};
    struct memory_map map = {0};
    struct ledger_input input = {
        .capture = &fake.capture, .modules = &modules, .allocators = &allocators, .zones = &zones,
        .states = &lua, .state_count = 1,
    };
    assert_null(ledger_make(&input, &map));
    assert_int_equal(owner(&map, "luajit.live")->resident_bytes, PAGE);
    assert_int_equal(owner(&map, "luajit.free")->resident_bytes, PAGE);
    assert_int_equal(owner(&map, "luajit.meta")->resident_bytes, PAGE);
    assert_int_equal(owner(&map, "unknown")->resident_bytes, 5 * PAGE);
    assert_int_equal(map.unknown_bytes, 5 * PAGE);
    assert_int_equal(map.anonymous_bytes, 8 * PAGE);
    memory_map_release(&map);
    heap_release(&lua.heap);
    fake_capture_free(&fake);
}

static void bss_ends_where_the_module_ends(void **state)
{
    (void)state;
    struct fake_capture fake;
    fake_capture_start(&fake);
    fake_capture_map(&fake, BASE, 4 * PAGE);
    struct elf_module module = {.bss = {address(BASE), address(BASE + PAGE)}};
    struct elf_modules modules = {.items = &module, .count = 1};
    struct allocator_modules allocators = {0};
    struct nginx_zones zones = {0};
    struct memory_map map = {0};
    struct ledger_input input = {
        .capture = &fake.capture, .modules = &modules, .allocators = &allocators, .zones = &zones,
    };
    assert_null(ledger_make(&input, &map));
    assert_int_equal(owner(&map, "elf.data")->resident_bytes, PAGE);
    assert_int_equal(owner(&map, "unknown")->resident_bytes, 3 * PAGE);
    memory_map_release(&map);
    fake_capture_free(&fake);
}

static void two_claims_on_one_page_are_refused(void **state)
{
    (void)state;
    struct fake_capture fake;
    struct lua_state lua = {.heap.kind = HEAP_STOCK};
    struct heap_region *region;
    fake_capture_start(&fake);
    fake_capture_map(&fake, BASE, 4 * PAGE);
    struct address_range first = {address(BASE), address(BASE + 2 * PAGE)};
    struct address_range second = {address(BASE + PAGE), address(BASE + 3 * PAGE)};
    assert_null(heap_add_region(&lua.heap, first, PAGE, &region));
    assert_null(heap_add_region(&lua.heap, second, PAGE, &region));
    struct elf_modules modules = {0};
    struct allocator_modules allocators = {0};
    struct nginx_zones zones = {0};
    struct memory_map map = {0};
    struct ledger_input input = {
        .capture = &fake.capture, .modules = &modules, .allocators = &allocators, .zones = &zones,
        .states = &lua, .state_count = 1,
    };
    struct error *error = ledger_make(&input, &map);
    assert_non_null(error);
    assert_int_equal(error_kind(error), ERROR_NOT_UNDERSTOOD);
    error_free(error);
    memory_map_release(&map);
    heap_release(&lua.heap);
    fake_capture_free(&fake);
}

static void absent_pages_count_as_virtual_only(void **state)
{
    (void)state;
    struct fake_capture fake;
    fake_capture_start(&fake);
    fake_capture_map_only(&fake, BASE, 16 * PAGE);
    struct elf_modules modules = {0};
    struct allocator_modules allocators = {0};
    struct nginx_zones zones = {0};
    struct memory_map map = {0};
    struct ledger_input input = {
        .capture = &fake.capture, .modules = &modules, .allocators = &allocators, .zones = &zones,
    };
    assert_null(ledger_make(&input, &map));
    assert_int_equal(owner(&map, "unknown")->virtual_bytes, 16 * PAGE);
    assert_int_equal(owner(&map, "unknown")->resident_bytes, 0);
    memory_map_release(&map);
    fake_capture_free(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_heap_in_the_middle_of_a_mapping_takes_its_pages_only),
        cmocka_unit_test(bss_ends_where_the_module_ends),
        cmocka_unit_test(two_claims_on_one_page_are_refused),
        cmocka_unit_test(absent_pages_count_as_virtual_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
