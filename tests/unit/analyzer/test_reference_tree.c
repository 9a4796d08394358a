/* What is live by path: every byte once, equal steps together, recursion folded. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/reference_tree.h"
#include "analyze/step_path.h"
#include "fake_graph.h"

static struct fake_graph fake;
static object_id globals;

static void start(void **state)
{
    (void)state;
    fake_graph_start(&fake);
    globals = fake_object(&fake, LUA_TYPE_TABLE, 1000, NULL);
    fake_refer(&fake, FAKE_ROOT, ROOT_GLOBALS, 0, globals);
}

static object_id add_field(object_id holder, const char *name, enum lua_type type, uint32_t bytes)
{
    object_id key = fake_object(&fake, LUA_TYPE_STRING, 30, name);
    object_id value = fake_object(&fake, type, bytes, NULL);
    fake_refer(&fake, holder, REFERENCE_FIELD, key, value);
    return value;
}

static struct path_tree make_tree(uint32_t **steps)
{
    struct path_tree tree = {0};
    struct reach reach;
    fake_graph_finish(&fake);
    assert_null(reach_find(&fake.graph, &reach));
    const struct object_paths paths = {&fake.graph, &reach, &fake.names};
    assert_null(reference_tree_make(&paths, &tree, steps));
    assert_int_equal(tree.nodes[0].total_bytes, reach.live_bytes);
    assert_int_equal(tree.nodes[0].total_objects, reach.live_objects);
    reach_free(&reach);
    return tree;
}

/* The step with this path, which must be there. */
static const struct path_node *find(const struct path_tree *tree, const char *wanted)
{
    for (uint32_t step = 0; step < tree->count; step++) {
        char path[OBJECT_PATH_BYTES];
        step_path(tree, step, path);
        if (strcmp(path, wanted) == 0)
            return &tree->nodes[step];
    }
    fail_msg("no step %s", wanted);
    return NULL;
}

static void items_are_one_step(void **state)
{
    start(state);
    object_id rows = add_field(globals, "rows", LUA_TYPE_TABLE, 500);
    for (unsigned i = 1; i <= 10; i++) {
        object_id row = fake_object(&fake, LUA_TYPE_TABLE, 50, NULL);
        fake_refer(&fake, rows, REFERENCE_ITEM, i, row);
        add_field(row, "name", LUA_TYPE_STRING, 7);
    }
    struct path_tree tree = make_tree(NULL);
    assert_int_equal(find(&tree, "_G")->bytes, 1000);
    assert_int_equal(find(&tree, "_G.rows")->total_bytes, 500 + 10 * (57 + 30)); /* each row has a key of its own */
    assert_int_equal(find(&tree, "_G.rows[*]")->objects, 10);
    path_tree_free(&tree);
}

static void keys_of_a_map_are_data(void **state)
{
    start(state);
    object_id map = add_field(globals, "sessions", LUA_TYPE_TABLE, 500);
    fake.details[map] = REFERENCE_TREE_NAMED_KEYS_MAX + 1;
    for (unsigned i = 0; i < 20; i++)
        add_field(map, "some_key", LUA_TYPE_TABLE, 100);
    struct path_tree tree = make_tree(NULL);
    assert_int_equal(find(&tree, "_G.sessions[*]")->bytes, 2000);
    path_tree_free(&tree);
}

static void a_list_is_one_step(void **state)
{
    start(state);
    object_id key = fake_object(&fake, LUA_TYPE_STRING, 30, "next");
    object_id node = add_field(globals, "list", LUA_TYPE_TABLE, 100);
    for (unsigned i = 0; i < 100; i++) {
        object_id next = fake_object(&fake, LUA_TYPE_TABLE, 100, NULL);
        fake_refer(&fake, node, REFERENCE_FIELD, key, next);
        node = next;
    }
    struct path_tree tree = make_tree(NULL);
    assert_int_equal(find(&tree, "_G.list.next")->objects, 100);
    path_tree_free(&tree);
}

static void a_binary_tree_does_not_branch_without_end(void **state)
{
    start(state);
    object_id left = fake_object(&fake, LUA_TYPE_STRING, 30, "left");
    object_id right = fake_object(&fake, LUA_TYPE_STRING, 30, "right");
    object_id nodes[255];
    nodes[0] = add_field(globals, "tree", LUA_TYPE_TABLE, 100);
    for (unsigned i = 1; i < 255; i++) {
        nodes[i] = fake_object(&fake, LUA_TYPE_TABLE, 100, NULL);
        fake_refer(&fake, nodes[(i - 1) / 2], REFERENCE_FIELD, i % 2 ? left : right, nodes[i]);
    }
    struct path_tree tree = make_tree(NULL);
    assert_true(tree.count < 12);
    assert_int_equal(find(&tree, "_G.tree")->total_objects, 255 + 2); /* and two keys */
    path_tree_free(&tree);
}

static void each_object_knows_its_step(void **state)
{
    start(state);
    object_id rows = add_field(globals, "rows", LUA_TYPE_TABLE, 500);
    object_id dead = fake_object(&fake, LUA_TYPE_TABLE, 77, NULL);
    uint32_t *steps;
    struct path_tree tree = make_tree(&steps);
    char path[OBJECT_PATH_BYTES];
    step_path(&tree, steps[rows], path);
    assert_string_equal(path, "_G.rows");
    assert_int_equal(steps[dead], PATH_NODE_NONE);
    free(steps);
    path_tree_free(&tree);
}

static void a_key_is_told_by_its_table(void **state)
{
    start(state);
    object_id rows = add_field(globals, "rows", LUA_TYPE_TABLE, 500);
    object_id item = add_field(rows, "first", LUA_TYPE_TABLE, 50);
    struct reach reach;
    char path[OBJECT_PATH_BYTES];
    fake_graph_finish(&fake);
    assert_null(reach_find(&fake.graph, &reach));
    const struct object_paths paths = {&fake.graph, &reach, &fake.names};
    object_path(&paths, item, path);
    assert_string_equal(path, "_G.rows.first");
    object_path(&paths, item - 1, path); /* its key was made just before */
    assert_string_equal(path, "key of _G.rows");
    reach_free(&reach);
}

/* The path of the last of these names, each below the one before. */
static const char *path_of(const char *const *names)
{
    static char path[OBJECT_PATH_BYTES];
    struct path_tree tree;
    uint32_t step = 0;
    assert_null(path_tree_begin(&tree, "all"));
    for (; *names; names++)
        assert_null(path_tree_add(&tree, step, *names, &step));
    step_path(&tree, step, path);
    path_tree_free(&tree);
    return path;
}

#define PATH_OF(...) path_of((const char *const[]){__VA_ARGS__, NULL})

static void a_path_begins_anew_at_upvalues_and_coroutines(void **state)
{
    (void)state;
    assert_string_equal(PATH_OF("package.loaded", ".store", ".add (a.lua:5)", "upvalue sessions", "[*]"),
        "upvalue sessions of add (a.lua:5)[*]");
    assert_string_equal(PATH_OF("_G", ".jobs", "[*] (a.lua:7)", "upvalue rows", ".first"),
        "upvalue rows of function (a.lua:7).first");
    assert_string_equal(PATH_OF("_G", ".f (a.lua:1)", "upvalue g (a.lua:2)", "upvalue x"),
        "upvalue x of upvalue g (a.lua:2)");
    assert_string_equal(PATH_OF("_G", ".jobs", "[*] coroutine at a.lua:9", "local rows", "[*]"),
        "coroutine at a.lua:9, local rows[*]");
    assert_string_equal(PATH_OF("registry", "[*]", "(keys)"), "registry[*], (keys)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_are_one_step),
        cmocka_unit_test(keys_of_a_map_are_data),
        cmocka_unit_test(a_list_is_one_step),
        cmocka_unit_test(a_binary_tree_does_not_branch_without_end),
        cmocka_unit_test(each_object_knows_its_step),
        cmocka_unit_test(a_key_is_told_by_its_table),
        cmocka_unit_test(a_path_begins_anew_at_upvalues_and_coroutines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
