/* Growth between two moments made by hand: which path it counts for, and which tables hold more records. */
#include <stdlib.h>
#include <string.h>

#include "analyze/growth.h"
#include "unit.h"

enum { STEPS_MAX = 256 };

/* A moment with one state. */
static struct moment make_moment(void)
{
    struct moment moment = {.trees = calloc(1, sizeof(struct moment_tree)), .tree_count = 1};
    assert_non_null(moment.trees);
    moment.trees[0].tables = calloc(STEPS_MAX, sizeof(struct step_tables));
    assert_non_null(moment.trees[0].tables);
    assert_null(path_tree_begin(&moment.trees[0].paths, "all"));
    return moment;
}

static uint32_t add(struct moment *moment, uint32_t parent, const char *name, uint64_t objects, uint64_t bytes)
{
    uint32_t step;
    struct path_tree *paths = &moment->trees[0].paths;
    assert_null(path_tree_add(paths, parent, name, &step));
    assert_in_range(step, 1, STEPS_MAX - 1);
    paths->nodes[step].objects = objects;
    paths->nodes[step].bytes = bytes;
    moment->live.objects += objects;
    moment->live.bytes += bytes;
    moment->types[LUA_TYPE_TABLE].bytes += bytes;
    moment->sizes[0].bytes += bytes;
    return step;
}

static void records(struct moment *moment, uint32_t step, uint64_t tables, uint64_t count)
{
    moment->trees[0].tables[step] = (struct step_tables){tables, count, 0};
}

/* Compares and gives both back. */
static struct growth compare(struct moment *before, struct moment *after)
{
    struct growth growth;
    assert_null(growth_find(before, after, &growth));
    assert_null(checks_first_failed(&growth.checks));
    moment_free(before);
    moment_free(after);
    return growth;
}

static void assert_path(const struct growth *growth, size_t row, const char *path, int64_t bytes)
{
    assert_in_range(row + 1, 1, growth->path_count);
    assert_string_equal(growth->paths[row].path, path);
    assert_int_equal(growth_of(growth->paths[row].before.bytes, growth->paths[row].after.bytes), bytes);
}

static void what_became_more_counts_for_its_container(void **state)
{
    (void)state;
    struct moment before = make_moment(), after = make_moment();
    uint32_t cache = add(&before, add(&before, 0, "_G", 1, 100), ".cache", 1, 1000);
    add(&before, add(&before, cache, "[*]", 10, 1000), ".name", 10, 300);
    cache = add(&after, add(&after, 0, "_G", 1, 100), ".cache", 1, 1500);
    add(&after, add(&after, cache, "[*]", 30, 3000), ".name", 30, 900);
    struct growth growth = compare(&before, &after);
    assert_int_equal(growth.path_count, 1);
    assert_path(&growth, 0, "_G.cache", 3100);
    assert_int_equal(growth.paths[0].before.objects, 21);
    assert_int_equal(growth.paths[0].after.objects, 61);
    growth_free(&growth);
}

static void what_became_bigger_counts_for_itself(void **state)
{
    (void)state;
    struct moment before = make_moment(), after = make_moment();
    uint32_t each = add(&before, add(&before, 0, "users", 1, 100), "[*]", 1000, 50000);
    add(&before, each, ".history", 1000, 10000);
    /* One user more, and all their histories ten times as long. */
    each = add(&after, add(&after, 0, "users", 1, 100), "[*]", 1001, 50050);
    add(&after, each, ".history", 10010, 100100);
    struct growth growth = compare(&before, &after);
    assert_path(&growth, 0, "users[*].history", 90100);
    growth_free(&growth);
}

static void growth_and_shrinkage_do_not_hide_each_other(void **state)
{
    (void)state;
    struct moment before = make_moment(), after = make_moment();
    uint32_t globals = add(&before, 0, "_G", 1, 100);
    add(&before, globals, ".old", 5, 5000);
    add(&before, globals, ".same", 7, 777);
    globals = add(&after, 0, "_G", 1, 100);
    add(&after, globals, ".new", 6, 6000);
    add(&after, globals, ".same", 7, 777);
    struct growth growth = compare(&before, &after);
    assert_int_equal(growth.path_count, 2);
    assert_path(&growth, 0, "_G.new", 6000);
    assert_path(&growth, 1, "_G.old", -5000);
    growth_free(&growth);
}

static void small_changes_count_for_what_holds_them(void **state)
{
    (void)state;
    struct moment before = make_moment(), after = make_moment();
    uint32_t globals = add(&before, 0, "_G", 1, 100);
    add(&before, globals, ".counter", 1, 10);
    add(&before, globals, ".cache", 1, 10);
    globals = add(&after, 0, "_G", 1, 100);
    add(&after, globals, ".counter", 1, 14);
    add(&after, globals, ".cache", 1, 100010);
    struct growth growth = compare(&before, &after);
    assert_int_equal(growth.path_count, 2);
    assert_path(&growth, 0, "_G.cache", 100000);
    assert_path(&growth, 1, "_G", 4);
    growth_free(&growth);
}

static void siblings_of_one_name_are_one(void **state)
{
    (void)state;
    struct moment before = make_moment(), after = make_moment();
    add(&before, 0, "_G", 1, 100);
    add(&after, 0, "_G", 1, 60);
    add(&after, 0, "_G", 1, 41);
    struct growth growth = compare(&before, &after);
    assert_int_equal(growth.path_count, 1);
    assert_path(&growth, 0, "_G", 1);
    assert_int_equal(growth.paths[0].after.objects, 2);
    growth_free(&growth);
}

static void tables_are_told_by_records_beyond_their_size(void **state)
{
    (void)state;
    struct moment before = make_moment(), after = make_moment();
    uint32_t list = add(&before, 0, "list", 1, 1), each = add(&before, list, "[*]", 10, 1);
    records(&before, list, 1, 10);
    records(&before, each, 10, 30);
    list = add(&after, 0, "list", 1, 1);
    each = add(&after, list, "[*]", 50, 2);
    records(&after, list, 1, 50);
    records(&after, each, 50, 150); /* more tables of the same size */
    records(&after, add(&after, 0, "new", 1, 1), 1, 7);
    records(&after, add(&after, add(&after, 0, "many", 1, 1), "[*]", 9, 1), 9, 90);
    struct growth growth = compare(&before, &after);
    assert_int_equal(growth.table_count, 2);
    assert_string_equal(growth.tables[0].path, "list");
    assert_true(growth.tables[0].more_records == 40);
    assert_string_equal(growth.tables[1].path, "new");
    assert_int_equal(growth.tables[1].after.records, 7);
    growth_free(&growth);
}

static void two_equal_moments_differ_in_nothing(void **state)
{
    (void)state;
    struct moment before = make_moment(), after = make_moment();
    add(&before, 0, "_G", 3, 100);
    add(&after, 0, "_G", 3, 100);
    struct growth growth = compare(&before, &after);
    assert_int_equal(growth.path_count, 0);
    assert_int_equal(growth.table_count, 0);
    growth_free(&growth);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_became_more_counts_for_its_container),
        cmocka_unit_test(what_became_bigger_counts_for_itself),
        cmocka_unit_test(growth_and_shrinkage_do_not_hide_each_other),
        cmocka_unit_test(small_changes_count_for_what_holds_them),
        cmocka_unit_test(siblings_of_one_name_are_one),
        cmocka_unit_test(tables_are_told_by_records_beyond_their_size),
        cmocka_unit_test(two_equal_moments_differ_in_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
