/* Reachability and retained bytes, held against what a simple search finds when it leaves one object out. */
#include "unit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/dominators.h"
#include "analyze/reach.h"
#include "fake_graph.h"

static struct fake_graph fake;

enum { OBJECTS_MAX = 60, REFERENCES_MAX = 200, ROUNDS = 400, BYTES = 10 };

/* So many tables. */
static void start_graph(int count)
{
    fake_graph_start(&fake);
    for (int i = 0; i < count; i++)
        fake_object(&fake, LUA_TYPE_TABLE, BYTES, NULL);
}

/* Objects that can be reached from the root without passing `without`. */
static unsigned count_reachable(const struct object_graph *graph, object_id without, bool *reached)
{
    object_id stack[OBJECTS_MAX + 1];
    unsigned depth = 0, count = 0;
    memset(reached, 0, OBJECTS_MAX * sizeof(*reached));
    stack[depth++] = graph->root;
    while (depth) {
        object_id object = stack[--depth];
        for (uint32_t i = graph->first_reference[object]; i < graph->first_reference[object + 1]; i++) {
            object_id target = graph->references[i].target;
            if (target == without || reached[target])
                continue;
            reached[target] = true;
            count++;
            stack[depth++] = target;
        }
    }
    return count;
}

static void check(const struct object_graph *graph)
{
    bool live[OBJECTS_MAX], left[OBJECTS_MAX];
    struct reach reach;
    struct dominators dominators;
    unsigned count = count_reachable(graph, OBJECT_NONE, live);
    assert_null(reach_find(graph, &reach));
    assert_null(dominators_find(graph, &dominators));
    assert_int_equal(reach.live_objects, count);
    assert_int_equal(reach.live_bytes, count * BYTES);
    assert_int_equal(reach.doomed_objects, graph->count - count);
    for (object_id object = 0; object < graph->count; object++) {
        assert_int_equal(reach.via[object] != REACH_NONE, live[object]);
        if (live[object])
            assert_int_equal(dominators_retained(&dominators, graph, object),
                (count - count_reachable(graph, object, left)) * BYTES);
    }
    dominators_free(&dominators);
    reach_free(&reach);
}

static void retained_is_what_goes_with_an_object(void **state)
{
    (void)state;
    srand(11);
    for (unsigned round = 0; round < ROUNDS; round++) {
        int count = 1 + rand() % OBJECTS_MAX, references = 1 + rand() % REFERENCES_MAX;
        start_graph(count);
        fake_refer(&fake, FAKE_ROOT, ROOT_GLOBALS, 0, (object_id)(rand() % count));
        for (int i = 1; i < references; i++) {
            int from = rand() % (count + 1);
            fake_refer(&fake, from == count ? FAKE_ROOT : (object_id)from, REFERENCE_ITEM, (uint64_t)i,
                (object_id)(rand() % count));
        }
        fake_graph_finish(&fake);
        check(&fake.graph);
    }
}

static void long_lists_take_no_stack(void **state)
{
    (void)state;
    enum { LENGTH = 1000000 };
    struct object_graph graph = {.count = LENGTH, .root = LENGTH, .reference_count = LENGTH};
    graph.types = calloc(LENGTH + 1, sizeof(*graph.types));
    graph.flags = calloc(LENGTH + 1, sizeof(*graph.flags));
    graph.bytes = calloc(LENGTH + 1, sizeof(*graph.bytes));
    graph.first_reference = calloc(LENGTH + 2, sizeof(*graph.first_reference));
    graph.references = calloc(LENGTH, sizeof(*graph.references));
    for (object_id object = 0; object < LENGTH; object++) {
        graph.types[object] = LUA_TYPE_TABLE;
        graph.bytes[object] = BYTES;
        graph.first_reference[object] = object;
        graph.references[object].target = object + 1;
    }
    /* The last refers to nothing: its reference is the root's, to the first. */
    graph.first_reference[LENGTH - 1] = graph.first_reference[LENGTH] = LENGTH - 1;
    graph.references[LENGTH - 1].target = 0;
    graph.first_reference[LENGTH + 1] = LENGTH;
    struct reach reach;
    struct dominators dominators;
    assert_null(reach_find(&graph, &reach));
    assert_null(dominators_find(&graph, &dominators));
    for (object_id object = 0; object < LENGTH; object += 9973)
        assert_int_equal(dominators_retained(&dominators, &graph, object), (uint64_t)(LENGTH - object) * BYTES);
    dominators_free(&dominators);
    reach_free(&reach);
    object_graph_free(&graph);
}

static void what_a_finalizer_may_use_is_no_garbage(void **state)
{
    (void)state;
    /* 0 is live; 1 has a finalizer and holds 2; 3 holds 1 and nothing holds 3. */
    start_graph(4);
    fake_refer(&fake, FAKE_ROOT, ROOT_GLOBALS, 0, 0);
    fake_refer(&fake, 1, REFERENCE_ITEM, 1, 2);
    fake_refer(&fake, 3, REFERENCE_ITEM, 1, 1);
    fake.flags[1] = OBJECT_HAS_FINALIZER;
    fake_graph_finish(&fake);
    struct reach reach;
    assert_null(reach_find(&fake.graph, &reach));
    assert_int_equal(reach.live_objects, 1);
    assert_int_equal(reach.awaited_objects, 2);
    assert_int_equal(reach.awaited_bytes, 2 * BYTES);
    assert_int_equal(reach.doomed_objects, 1);
    assert_int_equal(reach.doomed_bytes, BYTES);
    assert_true(reach_is_awaited(&reach, 2));
    assert_false(reach_is_awaited(&reach, 3));
    reach_free(&reach);
}

static void known_roots_come_first(void **state)
{
    (void)state;
    /* 2 is held by a thread directly, and through 0 and 1 from _G. */
    start_graph(3);
    fake_refer(&fake, FAKE_ROOT, ROOT_MAIN_THREAD, 0, 2);
    fake_refer(&fake, FAKE_ROOT, ROOT_GLOBALS, 0, 0);
    fake_refer(&fake, 0, REFERENCE_ITEM, 1, 1);
    fake_refer(&fake, 1, REFERENCE_ITEM, 1, 2);
    fake_graph_finish(&fake);
    struct reach reach;
    assert_null(reach_find(&fake.graph, &reach));
    assert_int_equal(reach_holder(&fake.graph, reach.via[2]), 1);
    assert_int_equal(reach_holder(&fake.graph, reach.via[1]), 0);
    assert_int_equal(reach_holder(&fake.graph, reach.via[0]), fake.graph.root);
    reach_free(&reach);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retained_is_what_goes_with_an_object),
        cmocka_unit_test(long_lists_take_no_stack),
        cmocka_unit_test(what_a_finalizer_may_use_is_no_garbage),
        cmocka_unit_test(known_roots_come_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
