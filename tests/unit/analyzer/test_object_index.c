/* Objects by address: numbered in order, found again, and nothing else is found. */
#include "unit.h"

#include <stdlib.h>

#include "model/object_index.h"

enum { STRETCHES = 3, OBJECTS = 3000 };

static const struct address_range stretches[STRETCHES] = {
    {{0x10000}, {0x10000 + 8 * OBJECT_INDEX_STRIDE}},
    {{0x700000000010}, {0x700000000010 + 3 * OBJECT_INDEX_STRIDE}}, /* begins and ends inside a stride */
    {{0x7ffff0000000}, {0x7ffff0000000 + 64 * OBJECT_INDEX_STRIDE}},
};

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

/* Addresses that differ, in no order. */
static size_t choose_addresses(uint64_t *addresses)
{
    srand(7);
    for (size_t i = 0; i < OBJECTS; i++) {
        const struct address_range *range = &stretches[rand() % STRETCHES];
        uint64_t start = range->start.value / 8 * 8;
        addresses[i] = start + (uint64_t)rand() % ((range->end.value - start) / 8) * 8;
    }
    qsort(addresses, OBJECTS, sizeof(*addresses), compare);
    size_t kept = 0;
    for (size_t i = 0; i < OBJECTS; i++)
        if (!kept || addresses[i] != addresses[kept - 1])
            addresses[kept++] = addresses[i];
    return kept;
}

static void objects_are_numbered_by_address(void **state)
{
    (void)state;
    static uint64_t addresses[OBJECTS];
    size_t count = choose_addresses(addresses);
    struct object_index index;
    assert_null(object_index_make(stretches, STRETCHES, &index));
    for (size_t i = 0; i < count; i++)
        assert_true(object_index_add(&index, address(addresses[i])));
    object_index_seal(&index);
    assert_int_equal(index.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(object_index_find(&index, address(addresses[i])), i);
        assert_int_equal(object_index_address(&index, (object_id)i).value, addresses[i]);
    }
    object_index_free(&index);
}

static void what_is_no_object_is_not_found(void **state)
{
    (void)state;
    struct object_index index;
    assert_null(object_index_make(stretches, STRETCHES, &index));
    assert_true(object_index_add(&index, address(0x10040)));
    assert_false(object_index_add(&index, address(0x10040)));      /* noted before */
    assert_false(object_index_add(&index, address(0x10044)));      /* not aligned */
    assert_false(object_index_add(&index, address(0x8)));          /* outside */
    assert_false(object_index_add(&index, ADDRESS_NONE));
    object_index_seal(&index);
    assert_int_equal(index.count, 1);
    assert_int_equal(object_index_find(&index, address(0x10048)), OBJECT_NONE);
    assert_int_equal(object_index_find(&index, address(0x10041)), OBJECT_NONE);
    assert_int_equal(object_index_find(&index, address(0)), OBJECT_NONE);
    assert_int_equal(object_index_find(&index, ADDRESS_NONE), OBJECT_NONE);
    object_index_free(&index);
}

static void a_cursor_passes_all_objects_from_any(void **state)
{
    (void)state;
    static uint64_t addresses[OBJECTS];
    size_t count = choose_addresses(addresses);
    struct object_index index;
    assert_null(object_index_make(stretches, STRETCHES, &index));
    for (size_t i = count; i-- > 0;)
        assert_true(object_index_add(&index, address(addresses[i])));
    object_index_seal(&index);
    for (size_t first = 0; first <= count; first += 97) {
        struct object_cursor cursor = object_cursor_at(&index, (object_id)first);
        for (size_t i = first; i < count; i++)
            assert_int_equal(object_cursor_next(&cursor).value, addresses[i]);
        assert_true(address_is_null(object_cursor_next(&cursor)));
    }
    object_index_free(&index);
}

static void an_empty_index_holds_nothing(void **state)
{
    (void)state;
    struct object_index index;
    assert_null(object_index_make(NULL, 0, &index));
    object_index_seal(&index);
    assert_int_equal(index.count, 0);
    assert_int_equal(object_index_find(&index, address(0x10040)), OBJECT_NONE);
    struct object_cursor cursor = object_cursor_at(&index, 0);
    assert_true(address_is_null(object_cursor_next(&cursor)));
    object_index_free(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_are_numbered_by_address),
        cmocka_unit_test(what_is_no_object_is_not_found),
        cmocka_unit_test(a_cursor_passes_all_objects_from_any),
        cmocka_unit_test(an_empty_index_holds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
