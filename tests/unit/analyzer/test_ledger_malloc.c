/* Pages of malloc: each goes to whom most of the bytes in use on it belong. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/ledger.h"
#include "base/array.h"
#include "fake_capture.h"

enum { PAGE = FAKE_PAGE_BYTES, BASE = 0x5000000, MAPPED = 0x6000000 };

/* A process with one stretch of malloc at BASE, all free, and what is told of its chunks. */
struct scene {
    struct fake_capture fake;
    struct glibc_heap heap;
    struct nginx_pools pools;
    struct nginx_pool pool_items[POOL_KINDS];
    struct memory_map map;
};

static struct chunk_region *add_stretch(struct scene *scene, uint64_t start, uint64_t bytes)
{
    struct heap_region *pages;
    struct chunk_region *chunks;
    struct address_range range = {address(start), address(start + bytes)};
    assert_null(heap_add_region(&scene->heap.pages, range, PAGE, &pages));
    memset(pages->page_use, PAGE_USE_FREE, bytes / PAGE);
    assert_null(chunk_map_add_region(&scene->heap.chunks, range, &chunks));
    return chunks;
}

static void scene_start(struct scene *scene, uint64_t pages)
{
    memset(scene, 0, sizeof(*scene));
    scene->heap.pages.kind = HEAP_GLIBC;
    fake_capture_start(&scene->fake);
    fake_capture_map(&scene->fake, BASE, pages * PAGE);
    for (unsigned kind = 0; kind < POOL_KINDS; kind++)
        scene->pool_items[kind].kind = (enum pool_kind)kind;
    scene->pools.pools = scene->pool_items;
    scene->pools.count = POOL_KINDS;
}

static void add_pool_chunk(struct scene *scene, uint64_t start, uint64_t bytes, enum pool_kind kind)
{
    struct nginx_pools *pools = &scene->pools;
    struct pool_chunk *added;
    assert_true(array_reserve_one((void **)&pools->chunks, &pools->chunk_capacity, pools->chunk_count,
        sizeof(*pools->chunks)));
    added = &pools->chunks[pools->chunk_count++];
    *added = (struct pool_chunk){.range = {address(start), address(start + bytes)}, .pool = kind};
}

static void make_ledger(struct scene *scene)
{
    struct elf_modules modules = {0};
    struct allocator_modules allocators = {0};
    struct nginx_zones zones = {0};
    struct ledger_input input = {
        .capture = &scene->fake.capture,
        .modules = &modules,
        .allocators = &allocators,
        .zones = &zones,
        .malloc = &scene->heap,
        .pools = &scene->pools,
    };
    assert_null(chunk_map_seal(&scene->heap.chunks));
    assert_null(ledger_make(&input, &scene->map));
}

static void scene_end(struct scene *scene)
{
    memory_map_release(&scene->map);
    heap_release(&scene->heap.pages);
    chunk_map_free(&scene->heap.chunks);
    free(scene->pools.chunks);
    free(scene->pools.data);
    fake_capture_free(&scene->fake);
}

static uint64_t resident(const struct scene *scene, const char *name)
{
    for (size_t i = 0; i < scene->map.owner_count; i++)
        if (strcmp(scene->map.owners[i].name, name) == 0)
            return scene->map.owners[i].resident_bytes;
    return 0;
}

static void most_bytes_in_use_win_a_page(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene, 2);
    struct chunk_region *chunks = add_stretch(&scene, BASE, 2 * PAGE);
    chunk_region_add(chunks, address(BASE), true); /* others' 512 bytes, and a request's 1024; the rest is free */
    chunk_region_add(chunks, address(BASE + 512), true);
    add_pool_chunk(&scene, BASE + 512, 1024, POOL_REQUEST);
    chunk_region_add(chunks, address(BASE + 1536), false);
    chunk_region_add(chunks, address(BASE + PAGE), true); /* a pool's 512, others' 1024 */
    add_pool_chunk(&scene, BASE + PAGE, 512, POOL_CYCLE);
    chunk_region_add(chunks, address(BASE + PAGE + 512), true);
    chunk_region_add(chunks, address(BASE + PAGE + 1536), false);
    make_ledger(&scene);
    assert_int_equal(resident(&scene, "nginx.pools.request"), PAGE);
    assert_int_equal(resident(&scene, "glibc.used"), PAGE);
    assert_int_equal(scene.map.owner_count, 2);
    scene_end(&scene);
}

static void suspects_win_what_they_share_in_equal_parts(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene, 1);
    struct chunk_region *chunks = add_stretch(&scene, BASE, PAGE);
    chunk_region_add(chunks, address(BASE), true);
    add_pool_chunk(&scene, BASE, PAGE / 2, POOL_CYCLE);
    chunk_region_add(chunks, address(BASE + PAGE / 2), true);
    add_pool_chunk(&scene, BASE + PAGE / 2, PAGE / 2, POOL_UNOWNED);
    make_ledger(&scene);
    assert_int_equal(resident(&scene, "nginx.pools.unowned"), PAGE);
    scene_end(&scene);
}

static void pages_without_anything_in_use_are_metadata_or_free(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene, 4);
    struct chunk_region *chunks = add_stretch(&scene, BASE, 4 * PAGE);
    scene.heap.pages.regions[0].page_use[0] |= PAGE_USE_META;
    scene.heap.pages.regions[0].page_use[3] |= PAGE_USE_META;
    chunk_region_add(chunks, address(BASE + 64), false);
    chunk_region_add(chunks, address(BASE + 3 * PAGE + 16), true); /* 16 bytes in use beside metadata */
    chunk_region_add(chunks, address(BASE + 3 * PAGE + 32), false);
    make_ledger(&scene);
    assert_int_equal(resident(&scene, "glibc.meta"), PAGE);
    assert_int_equal(resident(&scene, "glibc.free"), 2 * PAGE);
    assert_int_equal(resident(&scene, "glibc.used"), PAGE);
    scene_end(&scene);
}

static void a_chunk_has_all_pages_that_it_covers(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene, 6);
    struct chunk_region *chunks = add_stretch(&scene, BASE, 6 * PAGE);
    chunk_region_add(chunks, address(BASE), false);
    chunk_region_add(chunks, address(BASE + PAGE + 4080), true); /* 16 bytes, 3 pages, 16 bytes */
    add_pool_chunk(&scene, BASE + PAGE + 4080, 3 * PAGE + 32, POOL_CONNECTION);
    chunk_region_add(chunks, address(BASE + 5 * PAGE + 16), false);
    make_ledger(&scene);
    assert_int_equal(resident(&scene, "nginx.pools.connection"), 5 * PAGE);
    assert_int_equal(resident(&scene, "glibc.free"), PAGE);
    scene_end(&scene);
}

static void blocks_with_a_mapping_of_their_own_have_owners_too(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene, 1);
    fake_capture_map(&scene.fake, MAPPED, 8 * PAGE);
    struct address_range *data = malloc(sizeof(*data));
    *data = (struct address_range){address(MAPPED + 3 * PAGE), address(MAPPED + 8 * PAGE)};
    scene.pools.data = data;
    scene.pools.data_count = 1;
    chunk_region_add(add_stretch(&scene, MAPPED + 3 * PAGE, 5 * PAGE), address(MAPPED + 3 * PAGE), true);
    chunk_region_add(add_stretch(&scene, MAPPED, 3 * PAGE), address(MAPPED), true);
    add_pool_chunk(&scene, MAPPED, 3 * PAGE, POOL_OLD_CYCLE);
    chunk_region_add(add_stretch(&scene, BASE, PAGE), address(BASE), true);
    make_ledger(&scene);
    assert_int_equal(resident(&scene, "glibc.used"), PAGE);
    assert_int_equal(resident(&scene, "nginx.pools.cycle"), 3 * PAGE);
    assert_int_equal(resident(&scene, "nginx.data"), 5 * PAGE);
    scene_end(&scene);
}

static void a_page_that_two_stretches_share_counts_once(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene, 2);
    chunk_region_add(add_stretch(&scene, BASE, PAGE), address(BASE), true);
    struct chunk_region *behind;
    struct heap_region *pages;
    struct address_range second = {address(BASE + PAGE - 1024), address(BASE + 2 * PAGE)};
    scene.heap.chunks.items[0].range.end.value -= 2048;
    assert_null(heap_add_region(&scene.heap.pages, second, PAGE, &pages));
    assert_null(chunk_map_add_region(&scene.heap.chunks, second, &behind));
    chunk_region_add(behind, second.start, true);
    make_ledger(&scene);
    assert_int_equal(resident(&scene, "glibc.used"), 2 * PAGE);
    scene_end(&scene);
}

static void what_an_arena_reserves_is_free(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene, 1);
    chunk_region_add(add_stretch(&scene, BASE, PAGE), address(BASE), true);
    struct mapping *reserve = fake_capture_map_only(&scene.fake, BASE + PAGE, 15 * PAGE);
    reserve->readable = reserve->writable = false;
    make_ledger(&scene);
    assert_int_equal(resident(&scene, "glibc.used"), PAGE);
    assert_string_equal(scene.map.owners[1].name, "glibc.free");
    assert_int_equal(scene.map.owners[1].virtual_bytes, 15 * PAGE);
    assert_int_equal(scene.map.owners[1].resident_bytes, 0);
    scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(most_bytes_in_use_win_a_page),
        cmocka_unit_test(suspects_win_what_they_share_in_equal_parts),
        cmocka_unit_test(pages_without_anything_in_use_are_metadata_or_free),
        cmocka_unit_test(a_chunk_has_all_pages_that_it_covers),
        cmocka_unit_test(blocks_with_a_mapping_of_their_own_have_owners_too),
        cmocka_unit_test(a_page_that_two_stretches_share_counts_once),
        cmocka_unit_test(what_an_arena_reserves_is_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
