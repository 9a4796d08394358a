/* Objects by kind: what is summed up under which name. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/object_groups.h"
#include "fake_graph.h"

enum { LIMIT = 10 };

static void assert_row(const struct group_rows *rows, const char *name, uint64_t count, uint64_t bytes)
{
    for (size_t i = 0; i < rows->count; i++)
        if (strcmp(rows->items[i].name, name) == 0) {
            assert_int_equal(rows->items[i].count, count);
            assert_int_equal(rows->items[i].bytes, bytes);
            return;
        }
    print_error("no row %s\n", name);
    fail();
}

/* One object that holds all others of a test. */
static struct fake_graph *start(object_id *keeper)
{
    struct fake_graph *fake = malloc(sizeof(*fake));
    assert_non_null(fake);
    fake_graph_start(fake);
    *keeper = fake_object(fake, LUA_TYPE_TABLE, 64, NULL);
    fake_refer(fake, FAKE_ROOT, ROOT_GLOBALS, 0, *keeper);
    return fake;
}

static object_id keep(struct fake_graph *fake, object_id keeper, enum lua_type type, uint32_t bytes, const char *text)
{
    object_id object = fake_object(fake, type, bytes, text);
    fake_refer(fake, keeper, REFERENCE_ITEM, object, object);
    return object;
}

static struct lua_holders find(struct fake_graph *fake)
{
    struct lua_holders holders = {0};
    fake_graph_finish(fake);
    assert_null(object_groups_find(&fake->paths, LIMIT, &holders));
    assert_null(object_groups_find_garbage(&fake->paths, LIMIT, &holders));
    return holders;
}

static void finish(struct fake_graph *fake, struct lua_holders *holders)
{
    lua_holders_free(holders);
    free(fake);
}

static void live_cdata_by_type_and_finalizer(void **state)
{
    (void)state;
    object_id keeper;
    struct fake_graph *fake = start(&keeper);
    for (unsigned i = 0; i < 6; i++) {
        object_id cdata = keep(fake, keeper, LUA_TYPE_CDATA, 24, "struct point");
        fake->details[cdata] = 200;
        fake->flags[cdata] = i < 2 ? OBJECT_HAS_FINALIZER : 0;
    }
    fake->details[keep(fake, keeper, LUA_TYPE_CDATA, 32, NULL)] = 9;
    fake->details[fake_object(fake, LUA_TYPE_CDATA, 24, "struct point")] = 200;
    struct lua_holders holders = find(fake);
    assert_int_equal(holders.cdata_types.count, 2);
    assert_row(&holders.cdata_types, "struct point", 6, 6 * 24);
    assert_row(&holders.cdata_types, "C type 9", 1, 32);
    assert_int_equal(holders.cdata_finalized.count, 1);
    assert_row(&holders.cdata_finalized, "struct point", 2, 2 * 24);
    assert_row(&holders.garbage_types, "cdata", 1, 24);
    finish(fake, &holders);
}

static void types_of_one_name_are_one_row(void **state)
{
    (void)state;
    object_id keeper;
    struct fake_graph *fake = start(&keeper);
    for (unsigned i = 0; i < 300; i++)
        fake->details[keep(fake, keeper, LUA_TYPE_CDATA, 16, i % 3 ? "struct a" : "struct b")] = (uint16_t)i;
    struct lua_holders holders = find(fake);
    assert_int_equal(holders.cdata_types.count, 2);
    assert_row(&holders.cdata_types, "struct a", 200, 200 * 16);
    assert_row(&holders.cdata_types, "struct b", 100, 100 * 16);
    finish(fake, &holders);
}

static void userdata_by_kind_and_metatable(void **state)
{
    (void)state;
    object_id keeper;
    struct fake_graph *fake = start(&keeper);
    object_id metatable = keep(fake, keeper, LUA_TYPE_TABLE, 64, NULL);
    for (unsigned i = 0; i < 3; i++)
        fake_refer(fake, keep(fake, keeper, LUA_TYPE_USERDATA, 48, "socket"), REFERENCE_METATABLE, 0, metatable);
    fake_refer(fake, keep(fake, keeper, LUA_TYPE_USERDATA, 56, "userdata"), REFERENCE_METATABLE, 0, keeper);
    keep(fake, keeper, LUA_TYPE_USERDATA, 40, "userdata");
    struct lua_holders holders = find(fake);
    assert_row(&holders.userdata_types, "socket", 3, 3 * 48);
    assert_row(&holders.userdata_types, "metatable _G", 1, 56);
    assert_row(&holders.userdata_types, "(no metatable)", 1, 40);
    finish(fake, &holders);
}

static void protos_and_traces_by_file(void **state)
{
    (void)state;
    object_id keeper;
    struct fake_graph *fake = start(&keeper);
    object_id file = keep(fake, keeper, LUA_TYPE_STRING, 32, "@app.lua");
    object_id first = keep(fake, keeper, LUA_TYPE_PROTO, 300, "app.lua:1");
    object_id second = keep(fake, keeper, LUA_TYPE_PROTO, 200, "app.lua:20");
    object_id trace = keep(fake, keeper, LUA_TYPE_TRACE, 500, "app.lua:22");
    fake_refer(fake, first, REFERENCE_CHUNK_NAME, 0, file);
    fake_refer(fake, second, REFERENCE_CHUNK_NAME, 0, file);
    fake_refer(fake, trace, REFERENCE_PROTO, 0, second);
    keep(fake, keeper, LUA_TYPE_TRACE, 100, NULL);
    struct lua_holders holders = find(fake);
    assert_int_equal(holders.proto_files.count, 1);
    assert_row(&holders.proto_files, "app.lua", 2, 500);
    assert_row(&holders.trace_files, "app.lua", 1, 500);
    assert_row(&holders.trace_files, "(unknown)", 1, 100);
    finish(fake, &holders);
}

static void coroutines_by_the_line_where_they_wait(void **state)
{
    (void)state;
    object_id keeper;
    struct fake_graph *fake = start(&keeper);
    object_id main_thread = fake_object(fake, LUA_TYPE_THREAD, 1000, "main.lua:1");
    fake_refer(fake, FAKE_ROOT, ROOT_MAIN_THREAD, 0, main_thread);
    for (unsigned i = 0; i < 4; i++)
        fake->details[keep(fake, keeper, LUA_TYPE_THREAD, 400, i < 3 ? "job.lua:17" : "job.lua:30")] = 1;
    keep(fake, keeper, LUA_TYPE_THREAD, 300, "ended");
    fake->details[keep(fake, keeper, LUA_TYPE_THREAD, 350, "job.lua:9")] = 2;
    struct lua_holders holders = find(fake);
    assert_int_equal(holders.coroutine_lines.count, 4);
    assert_row(&holders.coroutine_lines, "job.lua:17", 3, 1200);
    assert_row(&holders.coroutine_lines, "job.lua:30", 1, 400);
    assert_row(&holders.coroutine_lines, "(ended)", 1, 300);
    assert_row(&holders.coroutine_lines, "(ended by an error)", 1, 350);
    finish(fake, &holders);
}

static void garbage_by_type_and_by_the_line_that_made_it(void **state)
{
    (void)state;
    object_id keeper;
    struct fake_graph *fake = start(&keeper);
    object_id proto = keep(fake, keeper, LUA_TYPE_PROTO, 300, "handler.lua:5");
    for (unsigned i = 0; i < 5; i++)
        fake_refer(fake, fake_object(fake, LUA_TYPE_FUNCTION, 40, NULL), REFERENCE_PROTO, 0, proto);
    fake_object(fake, LUA_TYPE_FUNCTION, 48, NULL);
    object_id awaited = fake_object(fake, LUA_TYPE_USERDATA, 80, NULL);
    fake->awaited[awaited / 8] |= (uint8_t)(1 << awaited % 8);
    struct lua_holders holders = find(fake);
    assert_int_equal(holders.garbage_types.count, 1);
    assert_row(&holders.garbage_types, "function", 6, 248);
    assert_row(&holders.garbage_functions, "handler.lua:5", 5, 200);
    assert_row(&holders.garbage_functions, "(C function)", 1, 48);
    finish(fake, &holders);
}

static void rows_beyond_the_limit_are_the_others(void **state)
{
    (void)state;
    static char names[LIMIT + 5][16];
    object_id keeper;
    struct fake_graph *fake = start(&keeper);
    for (unsigned i = 0; i < LIMIT + 5; i++) {
        snprintf(names[i], sizeof(names[i]), "type %u", i);
        fake->details[keep(fake, keeper, LUA_TYPE_CDATA, 100 - i, names[i])] = (uint16_t)i;
    }
    struct lua_holders holders = find(fake);
    assert_int_equal(holders.cdata_types.count, LIMIT + 1);
    assert_string_equal(holders.cdata_types.items[0].name, "type 0");
    assert_row(&holders.cdata_types, "(others)", 5, 90 + 89 + 88 + 87 + 86);
    finish(fake, &holders);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(live_cdata_by_type_and_finalizer),
        cmocka_unit_test(types_of_one_name_are_one_row),
        cmocka_unit_test(userdata_by_kind_and_metatable),
        cmocka_unit_test(protos_and_traces_by_file),
        cmocka_unit_test(coroutines_by_the_line_where_they_wait),
        cmocka_unit_test(garbage_by_type_and_by_the_line_that_made_it),
        cmocka_unit_test(rows_beyond_the_limit_are_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
