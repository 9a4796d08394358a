/* A tree of paths: totals, the order of siblings, and room for a million steps. */
#include "unit.h"

#include <stdio.h>

#include "model/path_tree.h"

static uint32_t add(struct path_tree *tree, uint32_t parent, const char *name, uint64_t bytes)
{
    uint32_t node;
    assert_null(path_tree_add(tree, parent, name, &node));
    tree->nodes[node].objects = 1;
    tree->nodes[node].bytes = bytes;
    return node;
}

static void totals_go_up_and_siblings_stand_by_size(void **state)
{
    (void)state;
    struct path_tree tree;
    assert_null(path_tree_begin(&tree, "all"));
    uint32_t globals = add(&tree, 0, "_G", 10);
    uint32_t loaded = add(&tree, 0, "package.loaded", 5);
    add(&tree, globals, ".small", 1);
    uint32_t cache = add(&tree, loaded, ".cache", 100);
    for (int i = 0; i < 2; i++) {
        path_tree_sum(&tree);
        assert_int_equal(tree.nodes[0].total_bytes, 116);
        assert_int_equal(tree.nodes[0].total_objects, 4);
        assert_int_equal(tree.nodes[0].bytes, 0);
        assert_int_equal(tree.nodes[0].first_child, loaded);
        assert_int_equal(tree.nodes[loaded].next_sibling, globals);
        assert_int_equal(tree.nodes[globals].next_sibling, PATH_NODE_NONE);
        assert_int_equal(tree.nodes[loaded].total_bytes, 105);
        assert_int_equal(tree.nodes[loaded].first_child, cache);
    }
    assert_string_equal(path_tree_name(&tree, 0), "all");
    assert_string_equal(path_tree_name(&tree, cache), ".cache");
    path_tree_free(&tree);
}

static void equal_siblings_keep_the_order_in_which_they_came(void **state)
{
    (void)state;
    struct path_tree tree;
    assert_null(path_tree_begin(&tree, "all"));
    for (int i = 0; i < 5; i++)
        add(&tree, 0, "x", 7);
    path_tree_sum(&tree);
    uint32_t wanted = 1;
    for (uint32_t node = tree.nodes[0].first_child; node != PATH_NODE_NONE; node = tree.nodes[node].next_sibling)
        assert_int_equal(node, wanted++);
    assert_int_equal(wanted, 6);
    path_tree_free(&tree);
}

static void a_million_siblings_are_sorted(void **state)
{
    (void)state;
    enum { NODES = 1000000 };
    struct path_tree tree;
    assert_null(path_tree_begin(&tree, "all"));
    uint64_t sum = 0;
    for (uint32_t i = 0; i < NODES; i++) {
        uint64_t bytes = (uint64_t)i * 2654435761u % 1000003;
        char name[24];
        snprintf(name, sizeof(name), "[%u]", i);
        add(&tree, 0, name, bytes);
        sum += bytes;
    }
    path_tree_sum(&tree);
    assert_int_equal(tree.nodes[0].total_bytes, sum);
    uint64_t before = UINT64_MAX;
    size_t seen = 0;
    for (uint32_t node = tree.nodes[0].first_child; node != PATH_NODE_NONE; node = tree.nodes[node].next_sibling) {
        assert_true(tree.nodes[node].total_bytes <= before);
        before = tree.nodes[node].total_bytes;
        seen++;
    }
    assert_int_equal(seen, NODES);
    assert_string_equal(path_tree_name(&tree, NODES), "[999999]");
    path_tree_free(&tree);
}

static void a_chain_of_a_million_is_summed(void **state)
{
    (void)state;
    struct path_tree tree;
    assert_null(path_tree_begin(&tree, "all"));
    uint32_t node = 0;
    for (uint32_t i = 0; i < 1000000; i++)
        node = add(&tree, node, ".next", 1);
    path_tree_sum(&tree);
    assert_int_equal(tree.nodes[0].total_bytes, 1000000);
    assert_int_equal(tree.nodes[node].total_bytes, 1);
    path_tree_free(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(totals_go_up_and_siblings_stand_by_size),
        cmocka_unit_test(equal_siblings_keep_the_order_in_which_they_came),
        cmocka_unit_test(a_million_siblings_are_sorted),
        cmocka_unit_test(a_chain_of_a_million_is_summed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
