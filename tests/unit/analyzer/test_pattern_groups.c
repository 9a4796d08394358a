/* Counting by pattern: nothing is lost or counted twice, however many patterns there are. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "walk/pattern_groups.h"

static void add(struct pattern_groups *groups, const char *text, uint64_t count, uint64_t bytes)
{
    struct string_pattern pattern;
    string_pattern_make((const unsigned char *)text, strlen(text), true, &pattern);
    pattern_groups_add(groups, &pattern, count, bytes);
}

static const struct group_row *row(const struct group_rows *rows, const char *name)
{
    for (size_t i = 0; i < rows->count; i++)
        if (strcmp(rows->items[i].name, name) == 0)
            return &rows->items[i];
    print_error("no row %s\n", name);
    fail();
    return NULL;
}

static void assert_sum(const struct group_rows *rows, uint64_t count, uint64_t bytes)
{
    for (size_t i = 0; i < rows->count; i++) {
        count -= rows->items[i].count;
        bytes -= rows->items[i].bytes;
    }
    assert_int_equal(count, 0);
    assert_int_equal(bytes, 0);
}

/* Five letters that are different for each number. */
static void put_word(char *word, unsigned number)
{
    for (unsigned i = 0; i < 5; i++, number /= 26)
        word[i] = (char)('a' + number % 26);
    word[5] = '\0';
}

static void equal_patterns_are_one_row(void **state)
{
    (void)state;
    struct pattern_groups groups;
    struct group_rows rows = {0};
    assert_null(pattern_groups_make(&groups));
    for (unsigned i = 0; i < 100; i++) {
        char text[32];
        snprintf(text, sizeof(text), i % 4 ? "user:%u" : "cart:%u:items", i);
        add(&groups, text, 1, 40);
    }
    assert_null(pattern_groups_tell(&groups, 10, &rows));
    assert_int_equal(rows.count, 2);
    assert_string_equal(rows.items[0].name, "user:%d");
    assert_int_equal(rows.items[0].count, 75);
    assert_int_equal(row(&rows, "cart:%d:items")->bytes, 25 * 40);
    group_rows_free(&rows);
    pattern_groups_free(&groups);
}

static void a_string_of_its_own_kind_counts_for_its_prefix_unless_it_is_large(void **state)
{
    (void)state;
    struct pattern_groups groups;
    struct group_rows rows = {0};
    assert_null(pattern_groups_make(&groups));
    add(&groups, "user:alice", 1, 40);
    add(&groups, "user:bob", 1, 40);
    add(&groups, "word", 1, 30);
    add(&groups, "<html><body>", 1, 1000000);
    assert_null(pattern_groups_tell(&groups, 10, &rows));
    assert_int_equal(row(&rows, "user:*")->count, 2);
    assert_int_equal(row(&rows, "<html><body>")->bytes, 1000000);
    assert_int_equal(row(&rows, "(others)")->bytes, 30);
    assert_sum(&rows, 4, 1000110);
    group_rows_free(&rows);
    pattern_groups_free(&groups);
}

static void more_patterns_than_there_is_room_for(void **state)
{
    (void)state;
    struct pattern_groups groups;
    struct group_rows rows = {0};
    assert_null(pattern_groups_make(&groups));
    const unsigned words = 20 * PATTERN_GROUPS_MAX;
    for (unsigned i = 0; i < words; i++) {
        char text[32] = "user:";
        put_word(text + 5, i);
        add(&groups, text, 1, 32);
        put_word(text, i);
        add(&groups, text, 1, 32);
        add(&groups, "session:17", 1, 48);
    }
    assert_true(groups.count <= PATTERN_GROUPS_MAX);
    assert_null(pattern_groups_tell(&groups, 10, &rows));
    assert_int_equal(row(&rows, "session:%d")->count, words);
    assert_int_equal(row(&rows, "user:*")->count, words);
    assert_int_equal(row(&rows, "(others)")->count, words);
    assert_sum(&rows, 3 * words, (uint64_t)words * (32 + 32 + 48));
    group_rows_free(&rows);
    pattern_groups_free(&groups);
}

static void every_prefix_its_own(void **state)
{
    (void)state;
    struct pattern_groups groups;
    struct group_rows rows = {0};
    assert_null(pattern_groups_make(&groups));
    const unsigned words = 5 * PATTERN_GROUPS_MAX;
    for (unsigned i = 0; i < words; i++) {
        char text[32];
        put_word(text, i);
        strcat(text, ":x");
        add(&groups, text, 2, 64);
    }
    assert_null(pattern_groups_tell(&groups, 10, &rows));
    assert_int_equal(rows.count, 11);
    assert_sum(&rows, 2 * words, (uint64_t)words * 64);
    group_rows_free(&rows);
    pattern_groups_free(&groups);
}

static void two_tables_are_joined(void **state)
{
    (void)state;
    struct pattern_groups left, right;
    struct group_rows rows = {0};
    assert_null(pattern_groups_make(&left));
    assert_null(pattern_groups_make(&right));
    add(&left, "user:1", 3, 90);
    add(&right, "user:2", 4, 120);
    right.others_count = 7;
    right.others_bytes = 70;
    pattern_groups_join(&left, &right);
    assert_null(pattern_groups_tell(&left, 10, &rows));
    assert_int_equal(row(&rows, "user:%d")->count, 7);
    assert_int_equal(row(&rows, "(others)")->bytes, 70);
    group_rows_free(&rows);
    pattern_groups_free(&left);
    pattern_groups_free(&right);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_patterns_are_one_row),
        cmocka_unit_test(a_string_of_its_own_kind_counts_for_its_prefix_unless_it_is_large),
        cmocka_unit_test(more_patterns_than_there_is_room_for),
        cmocka_unit_test(every_prefix_its_own),
        cmocka_unit_test(two_tables_are_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
