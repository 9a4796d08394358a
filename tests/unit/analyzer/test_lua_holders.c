/* Rows of equally named objects: sums, order, and what is left over. */
#include "unit.h"

#include "model/lua_holders.h"

static void rows_of_one_name_are_one(void **state)
{
    (void)state;
    struct lua_holders holders = {0};
    struct group_rows *rows = &holders.cdata_types;
    assert_null(group_rows_add(rows, "struct point", 2, 48));
    assert_null(group_rows_add(rows, "int [4]", 1, 40));
    assert_null(group_rows_add(rows, "int [4]", 3, 120));
    assert_null(group_rows_finish(rows, 10));
    assert_int_equal(rows->count, 2);
    assert_string_equal(rows->items[0].name, "int [4]");
    assert_int_equal(rows->items[0].count, 4);
    assert_int_equal(rows->items[0].bytes, 160);
    assert_string_equal(rows->items[1].name, "struct point");
    lua_holders_free(&holders);
    assert_null(holders.cdata_types.items);
}

static void what_exceeds_the_limit_is_others(void **state)
{
    (void)state;
    struct lua_holders holders = {0};
    struct group_rows *rows = &holders.proto_files;
    const char *const names[] = {"b", "a", "d", "c", "e"};
    const uint64_t bytes[] = {30, 30, 10, 500, 40};
    for (size_t i = 0; i < 5; i++)
        assert_null(group_rows_add(rows, names[i], i + 1, bytes[i]));
    assert_null(group_rows_finish(rows, 2));
    assert_int_equal(rows->count, 3);
    assert_string_equal(rows->items[0].name, "c");
    assert_string_equal(rows->items[1].name, "e");
    assert_string_equal(rows->items[2].name, "(others)");
    assert_int_equal(rows->items[2].count, 1 + 2 + 3);
    assert_int_equal(rows->items[2].bytes, 70);
    lua_holders_free(&holders);
}

static void others_of_before_are_among_the_others(void **state)
{
    (void)state;
    struct lua_holders holders = {0};
    struct group_rows *rows = &holders.string_patterns;
    assert_null(group_rows_add(rows, "(others)", 100, 9000));
    assert_null(group_rows_add(rows, "a", 1, 30));
    assert_null(group_rows_add(rows, "b", 2, 20));
    assert_null(group_rows_finish(rows, 1));
    assert_int_equal(rows->count, 2);
    assert_string_equal(rows->items[0].name, "a");
    assert_string_equal(rows->items[1].name, "(others)");
    assert_int_equal(rows->items[1].count, 102);
    assert_int_equal(rows->items[1].bytes, 9020);
    lua_holders_free(&holders);
}

static void equal_rows_stand_by_count_then_name(void **state)
{
    (void)state;
    struct lua_holders holders = {0};
    struct group_rows *rows = &holders.string_patterns;
    assert_null(group_rows_add(rows, "b", 1, 10));
    assert_null(group_rows_add(rows, "a", 1, 10));
    assert_null(group_rows_add(rows, "c", 2, 10));
    assert_null(group_rows_finish(rows, 3));
    assert_string_equal(rows->items[0].name, "c");
    assert_string_equal(rows->items[1].name, "a");
    assert_string_equal(rows->items[2].name, "b");
    lua_holders_free(&holders);
}

static void nothing_has_no_rows(void **state)
{
    (void)state;
    struct lua_holders holders = {0};
    assert_null(group_rows_finish(&holders.garbage_types, 0));
    assert_int_equal(holders.garbage_types.count, 0);
    lua_holders_free(&holders);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_one_name_are_one),
        cmocka_unit_test(what_exceeds_the_limit_is_others),
        cmocka_unit_test(others_of_before_are_among_the_others),
        cmocka_unit_test(equal_rows_stand_by_count_then_name),
        cmocka_unit_test(nothing_has_no_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
