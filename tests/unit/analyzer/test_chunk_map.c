/* Chunks by address: what an address lies in is what a search through all of them says. */
#include "unit.h"

#include <stdlib.h>

#include "model/chunk_map.h"

enum { CHUNKS = 4000, LARGE_BYTES = 64 << 20 };

struct expected {
    uint64_t start, end;
    bool used;
};

static struct expected expected[CHUNKS];

/* A region of chunks from 32 bytes to some that span many words of bits. */
static void add_region(struct chunk_map *map, uint64_t start, struct expected *chunks, size_t count)
{
    uint64_t at = start;
    for (size_t i = 0; i < count; i++) {
        uint64_t bytes = i % 97 == 5 ? LARGE_BYTES : 32 + 16 * (uint64_t)(rand() % 40);
        chunks[i] = (struct expected){at, at + bytes, rand() % 3 != 0};
        at += bytes;
    }
    struct chunk_region *region;
    assert_null(chunk_map_add_region(map, (struct address_range){address(start), address(at)}, &region));
    for (size_t i = 0; i < count; i++)
        chunk_region_add(region, address(chunks[i].start), chunks[i].used);
}

static void make(struct chunk_map *map)
{
    srand(11);
    *map = (struct chunk_map){0};
    add_region(map, 0x7f0000000010, &expected[1000], CHUNKS - 1001);
    add_region(map, 0x10000, expected, 1000);
    add_region(map, 0x7fff00000000, &expected[CHUNKS - 1], 1);
    assert_null(chunk_map_seal(map));
}

static void assert_is(const struct chunk *chunk, const struct expected *wanted)
{
    assert_int_equal(chunk->range.start.value, wanted->start);
    assert_int_equal(chunk->range.end.value, wanted->end);
    assert_int_equal(chunk->used, wanted->used);
}

static void every_byte_lies_in_its_chunk(void **state)
{
    (void)state;
    struct chunk_map map;
    struct chunk chunk;
    make(&map);
    for (size_t i = 0; i < CHUNKS; i++) {
        const uint64_t bytes = expected[i].end - expected[i].start;
        const uint64_t places[] = {0, 1, 15, 16, (uint64_t)rand() % bytes, bytes - 1};
        for (size_t k = 0; k < sizeof(places) / sizeof(places[0]); k++) {
            assert_true(chunk_map_find(&map, address(expected[i].start + places[k]), &chunk));
            assert_is(&chunk, &expected[i]);
            assert_int_equal(chunk_map_at(&map, address(expected[i].start + places[k]), &chunk), places[k] == 0);
        }
    }
    assert_false(chunk_map_find(&map, address(0xffff), &chunk));
    assert_false(chunk_map_find(&map, address(expected[CHUNKS - 1].end), &chunk));
    chunk_map_free(&map);
}

static void a_cursor_meets_all_of_them_in_order(void **state)
{
    (void)state;
    struct chunk_map map;
    struct chunk chunk;
    make(&map);
    struct chunk_cursor cursor = {.map = &map};
    for (size_t i = 0; i < CHUNKS; i++) {
        assert_true(chunk_cursor_next(&cursor, &chunk));
        assert_is(&chunk, &expected[i]);
    }
    assert_false(chunk_cursor_next(&cursor, &chunk));
    chunk_map_free(&map);
}

static void stretches_of_unused_chunks_are_as_long_as_can_be(void **state)
{
    (void)state;
    struct chunk_map map;
    struct address_range stretch;
    make(&map);
    size_t next = 0;
    for (size_t region = 0; region < map.count; region++) {
        uint64_t granule = 0;
        while (chunk_region_next_unused(&map.items[region], &granule, &stretch)) {
            while (expected[next].used)
                next++;
            assert_int_equal(stretch.start.value, expected[next].start);
            for (; stretch.end.value != expected[next].end; next++)
                assert_true(!expected[next].used && expected[next].end == expected[next + 1].start);
            next++;
            bool is_last = stretch.end.value == map.items[region].range.end.value;
            assert_true(is_last || expected[next].used);
        }
    }
    while (next < CHUNKS && expected[next].used)
        next++;
    assert_int_equal(next, CHUNKS);
    chunk_map_free(&map);
}

static void what_a_cache_has_is_not_used(void **state)
{
    (void)state;
    struct chunk_map map;
    struct chunk chunk;
    make(&map);
    size_t used = 0;
    while (!expected[used].used)
        used++;
    assert_false(chunk_map_free_chunk(&map, address(expected[used].start + 16)));
    assert_true(chunk_map_free_chunk(&map, address(expected[used].start)));
    assert_false(chunk_map_free_chunk(&map, address(expected[used].start)));
    assert_true(chunk_map_at(&map, address(expected[used].start), &chunk));
    assert_false(chunk.used);
    chunk_map_free(&map);
}

static void regions_that_overlap_are_refused(void **state)
{
    (void)state;
    struct chunk_map map = {0};
    struct chunk_region *region;
    assert_null(chunk_map_add_region(&map, (struct address_range){address(0x1000), address(0x3000)}, &region));
    assert_null(chunk_map_add_region(&map, (struct address_range){address(0x2000), address(0x4000)}, &region));
    struct error *error = chunk_map_seal(&map);
    assert_non_null(error);
    error_free(error);
    chunk_map_free(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_lies_in_its_chunk),
        cmocka_unit_test(a_cursor_meets_all_of_them_in_order),
        cmocka_unit_test(stretches_of_unused_chunks_are_as_long_as_can_be),
        cmocka_unit_test(what_a_cache_has_is_not_used),
        cmocka_unit_test(regions_that_overlap_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
