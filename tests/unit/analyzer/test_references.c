/* A tree of paths as text, as folded stacks, as a flame graph, and as JSON: nothing gets lost, no name does harm. */
#include "unit.h"

#include <string.h>

#include "printed.h"
#include "render/flame_svg.h"
#include "render/folded.h"
#include "render/holders_json.h"
#include "render/references_text.h"

struct fixture {
    struct lua_holders holders[2];
    struct lua_state states[2];
    struct process process;
    struct lua_report report;
};

static uint32_t add(struct path_tree *tree, uint32_t parent, const char *name, uint64_t bytes)
{
    uint32_t node;
    assert_null(path_tree_add(tree, parent, name, &node));
    tree->nodes[node].objects = 1;
    tree->nodes[node].bytes = bytes;
    return node;
}

static void finish(struct lua_holders *holders)
{
    path_tree_sum(&holders->references);
    holders->live_bytes = holders->references.nodes[0].total_bytes;
    holders->live_objects = holders->references.nodes[0].total_objects;
}

static void begin(struct fixture *fixture, size_t states)
{
    *fixture = (struct fixture){0};
    fixture->states[0].address = address(0x1000);
    fixture->states[1].address = address(0x2000);
    fixture->process = (struct process){.pid = 7, .states = fixture->states, .state_count = states};
    fixture->report = (struct lua_report){
        .process = &fixture->process, .name = "nginx", .holders = fixture->holders, .top = 10,
    };
    for (size_t i = 0; i < states; i++)
        assert_null(path_tree_begin(&fixture->holders[i].references, "all"));
}

static void end(struct fixture *fixture, struct printed *printed)
{
    free(printed->text);
    for (size_t i = 0; i < 2; i++)
        lua_holders_free(&fixture->holders[i]);
}

/* _G.cache[*] has nearly all, and a hundred small ones stand beside. */
static void plant_cache(struct lua_holders *holders)
{
    struct path_tree *tree = &holders->references;
    uint32_t globals = add(tree, 0, "_G", 100), cache = add(tree, globals, ".cache", 20000);
    add(tree, cache, "[*]", 70000);
    add(tree, cache, "metatable", 8900);
    for (int i = 0; i < 100; i++)
        add(tree, 0, "small", 10);
    finish(holders);
}

static void steps_with_one_child_are_one_line(void **state)
{
    (void)state;
    struct fixture fixture;
    struct printed printed;
    begin(&fixture, 1);
    plant_cache(&fixture.holders[0]);
    printed_begin(&printed);
    references_text_print(&fixture.holders[0].references, 10);
    printed_end(&printed);
    assert_non_null(strstr(printed.text, "  100.0 %          0          104  all\n"));
    assert_non_null(strstr(printed.text, "   99.0 %   19.6 KiB            4    _G.cache\n"));
    assert_non_null(strstr(printed.text, "  1      [*]\n"));
    assert_non_null(strstr(printed.text, "  1      metatable\n"));
    assert_non_null(strstr(printed.text, "  100    (others)\n"));
    assert_null(strstr(printed.text, "small"));
    end(&fixture, &printed);
}

static void folded_lines_sum_to_the_whole(void **state)
{
    (void)state;
    struct fixture fixture;
    struct printed printed;
    begin(&fixture, 1);
    plant_cache(&fixture.holders[0]);
    printed_begin(&printed);
    assert_null(folded_print(&fixture.report));
    printed_end(&printed);
    assert_non_null(strstr(printed.text, "all;_G;.cache;[*] 70000\n"));
    uint64_t sum = 0;
    for (char *line = strtok(printed.text, "\n"); line; line = strtok(NULL, "\n"))
        sum += strtoull(strrchr(line, ' '), NULL, 10);
    assert_int_equal(sum, 100000);
    end(&fixture, &printed);
}

static void each_of_several_states_has_its_own_stacks(void **state)
{
    (void)state;
    struct fixture fixture;
    struct printed printed;
    begin(&fixture, 2);
    add(&fixture.holders[0].references, 0, "_G", 5);
    add(&fixture.holders[1].references, 0, "_G", 6);
    finish(&fixture.holders[0]);
    finish(&fixture.holders[1]);
    printed_begin(&printed);
    assert_null(folded_print(&fixture.report));
    printed_end(&printed);
    assert_string_equal(printed.text, "state 0x1000;all;_G 5\nstate 0x2000;all;_G 6\n");
    end(&fixture, &printed);
}

static void no_name_breaks_a_line_or_a_tag(void **state)
{
    (void)state;
    struct fixture fixture;
    struct printed printed;
    begin(&fixture, 1);
    add(&fixture.holders[0].references, 0, "a;b\nc<script>\"&\xff", 5);
    finish(&fixture.holders[0]);
    printed_begin(&printed);
    assert_null(folded_print(&fixture.report));
    assert_null(flame_svg_print(&fixture.report));
    printed_end(&printed);
    assert_non_null(strstr(printed.text, "all;a:b?c<script>\"&? 5\n"));
    assert_non_null(strstr(printed.text, "data-n=\"a;b?c&lt;script&gt;&quot;&amp;?\""));
    assert_null(strstr(strstr(printed.text, "<svg"), "<script>\""));
    end(&fixture, &printed);
}

static double number_behind(const char *text, const char *name)
{
    return strtod(strstr(text, name) + strlen(name), NULL);
}

static void a_frame_is_as_wide_as_its_share(void **state)
{
    (void)state;
    struct fixture fixture;
    struct printed printed;
    begin(&fixture, 2);
    plant_cache(&fixture.holders[0]);
    add(&fixture.holders[1].references, 0, "_G", 300000);
    finish(&fixture.holders[1]);
    printed_begin(&printed);
    assert_null(flame_svg_print(&fixture.report));
    printed_end(&printed);
    const char *cache = strstr(printed.text, "data-n=\".cache\"");
    assert_non_null(cache);
    assert_true(number_behind(cache, " x=\"") < 0.001);
    assert_true(number_behind(cache, " width=\"") > 1200 * .2472 && number_behind(cache, " width=\"") < 1200 * .2473);
    assert_non_null(strstr(cache, "_G.cache\n96.6 KiB (24.7 % of what is reachable), 3 objects</title>"));
    const char *second = strstr(strstr(printed.text, "data-n=\"_G\"") + 1, "data-n=\"_G\"");
    assert_true(number_behind(second, " x=\"") > 299.99 && number_behind(second, " x=\"") < 300.01);
    assert_true(number_behind(second, " width=\"") > 899.99 && number_behind(second, " width=\"") < 900.01);
    assert_null(strstr(printed.text, "data-n=\"small\""));
    end(&fixture, &printed);
}

static uint64_t own_bytes(const json_t *step)
{
    uint64_t bytes = (uint64_t)json_integer_value(json_object_get(step, "bytes"));
    size_t index;
    json_t *child;
    json_array_foreach (json_object_get(step, "children"), index, child)
        bytes += own_bytes(child);
    return bytes;
}

static void json_keeps_every_byte_whatever_it_leaves_out(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, 1);
    plant_cache(&fixture.holders[0]);
    for (size_t top = 1; top <= 200; top += 199) {
        json_t *object = json_object();
        holders_json_add(object, &fixture.holders[0], HOLDERS_REFERENCES, top);
        const json_t *references = json_object_get(object, "references");
        assert_int_equal(own_bytes(references), 100000);
        assert_int_equal(json_integer_value(json_object_get(references, "total_bytes")), 100000);
        assert_int_equal(json_array_size(json_object_get(references, "children")), top == 1 ? 2 : 101);
        json_decref(object);
    }
    lua_holders_free(&fixture.holders[0]);
}

static void nothing_reachable_is_no_nonsense(void **state)
{
    (void)state;
    struct fixture fixture;
    struct printed printed;
    begin(&fixture, 1);
    finish(&fixture.holders[0]);
    printed_begin(&printed);
    references_text_print(&fixture.holders[0].references, 10);
    assert_null(folded_print(&fixture.report));
    assert_null(flame_svg_print(&fixture.report));
    printed_end(&printed);
    assert_null(strstr(printed.text, "nan"));
    assert_null(strstr(printed.text, "inf"));
    end(&fixture, &printed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_with_one_child_are_one_line),
        cmocka_unit_test(folded_lines_sum_to_the_whole),
        cmocka_unit_test(each_of_several_states_has_its_own_stacks),
        cmocka_unit_test(no_name_breaks_a_line_or_a_tag),
        cmocka_unit_test(a_frame_is_as_wide_as_its_share),
        cmocka_unit_test(json_keeps_every_byte_whatever_it_leaves_out),
        cmocka_unit_test(nothing_reachable_is_no_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
