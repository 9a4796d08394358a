/* Who holds the memory, as people read it: order, words, and what is said where there is nothing. */
#include "unit.h"

#include <string.h>

#include "analyze/holders.h"
#include "printed.h"
#include "render/holders_text.h"

/* Rows own their texts; nothing frees these. */
#define TEXT(text) ((char *)(uintptr_t)(text))
#define ROWS(rows) {.items = (rows), .count = sizeof(rows) / sizeof((rows)[0])}

static char *print(const struct lua_holders *holders, unsigned parts, size_t top)
{
    struct lua_state state = {.string_table_slots = 64, .collector = {.count_bytes = 1000}};
    state.objects[LUA_TYPE_STRING] = (struct lua_objects){.count = 96, .bytes = 4096};
    struct printed printed;
    printed_begin(&printed);
    holders_text_print(&state, holders, parts, top);
    printed_end(&printed);
    return printed.text;
}

static void tables_stand_by_what_they_retain(void **state)
{
    (void)state;
    struct table_row rows[] = {
        {.path = TEXT("_G.small"), .records = 10, .bytes = 400, .retained_bytes = 500},
        {.path = TEXT("_G.big"), .records = 12345, .bytes = 300, .retained_bytes = 600,
            .other_references = 2},
        {.path = TEXT("_G"), .records = 40, .bytes = 100, .retained_bytes = 900, .other_references = 1},
    };
    const struct lua_holders holders = {.live_bytes = 1000, .tables = ROWS(rows)};
    ASSERT_IN_ORDER(print(&holders, HOLDERS_TABLES, 10), "largest tables\n", "90.0 %", "_G  +1 other reference\n",
        "60.0 %", "12,345  _G.big  +2 other references\n", "50.0 %", "_G.small\n");
    assert_string_equal(holders_first_table(&holders)->path, "_G.small");
}

static void the_first_table_has_half_or_most(void **state)
{
    (void)state;
    struct table_row rows[] = {
        {.path = TEXT("a"), .retained_bytes = 100}, {.path = TEXT("b"), .retained_bytes = 300},
        {.path = TEXT("c"), .retained_bytes = 200}, {.path = TEXT("_G"), .retained_bytes = 600},
    };
    struct lua_holders holders = {.live_bytes = 1000, .tables = ROWS(rows)};
    assert_int_equal(holders_first_table(&holders)->retained_bytes, 300);
    holders.live_bytes = 10000;
    assert_int_equal(holders_first_table(&holders)->retained_bytes, 600);
    holders.live_bytes = 400;
    assert_int_equal(holders_first_table(&holders)->retained_bytes, 200);
    holders.tables.count = 0;
    assert_null(holders_first_table(&holders));
}

static void garbage_is_told_with_its_share_and_makers(void **state)
{
    (void)state;
    struct group_row types[] = {{TEXT("table"), 3, 200}, {TEXT("function"), 2, 50}};
    struct group_row functions[] = {{TEXT("app/job.lua:17"), 2, 50}};
    const struct lua_holders holders = {.garbage_objects = 5, .garbage_bytes = 250, .awaited_objects = 1,
        .awaited_bytes = 40, .garbage_types = ROWS(types), .garbage_functions = ROWS(functions)};
    ASSERT_IN_ORDER(print(&holders, HOLDERS_GARBAGE, 10),
        "250 B of the count is garbage that a full collection would free now (25.0 %),",
        "40 B more once finalizers were called", "garbage by type", "80.0 %            3  table\n", "function\n",
        "by the line that made them", "app/job.lua:17\n");
}

static void lists_end_with_the_others(void **state)
{
    (void)state;
    struct group_row patterns[] = {{TEXT("user:"), 900, 30000}, {TEXT("(others)"), 7, 10}};
    const struct lua_holders holders = {.string_patterns = ROWS(patterns)};
    ASSERT_IN_ORDER(print(&holders, HOLDERS_STRINGS, 10), "96 strings; 64 slots of the string table, load 1.50",
        "user:\n", "(others)\n");
}

static void what_there_is_none_of_is_said(void **state)
{
    (void)state;
    const struct lua_holders holders = {0};
    ASSERT_IN_ORDER(print(&holders, HOLDERS_GROUPS, 10), "None: cdata; cdata with a finalizer; userdata; ",
        "JIT traces; coroutines\n");
    ASSERT_IN_ORDER(print(&holders, HOLDERS_PINS, 10), "No page is kept resident by a few objects alone.\n");
}

static void pins_name_the_worst_first(void **state)
{
    (void)state;
    struct pin_row rows[] = {
        {TEXT("package.loaded.session.store"), 96, 4000, 31 << 20, 30 << 20},
        {TEXT("_G.once"), 1, 40, 4096, 4000},
    };
    const struct lua_holders holders = {.pins = {.items = rows, .count = 2, .pages = 8000, .pinned_bytes = 32 << 20,
        .free_bytes = 31 << 20}};
    ASSERT_IN_ORDER(print(&holders, HOLDERS_PINS, 1),
        "32.0 MiB in 8,000 pages that hold little: 31.0 MiB of it is free",
        "96 objects of package.loaded.session.store keep 31.0 MiB of pages resident\n", "kept resident by\n", "96.9 %",
        "package.loaded.session.store\n", "never moves an object");
    char *text = print(&holders, HOLDERS_PINS, 1);
    assert_null(strstr(text, "_G.once"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_stand_by_what_they_retain),
        cmocka_unit_test(the_first_table_has_half_or_most),
        cmocka_unit_test(garbage_is_told_with_its_share_and_makers),
        cmocka_unit_test(lists_end_with_the_others),
        cmocka_unit_test(what_there_is_none_of_is_said),
        cmocka_unit_test(pins_name_the_worst_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
