/* Pins: which path a sparse page counts for, and what is told of it. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/pins.h"
#include "fake_graph.h"

enum { PAGE = 4096, PAGES_MAX = 64, ENTRIES_MAX = 256, LIMIT = 10 };

/* package.loaded.session.store and package.loaded.session.names. */
struct session {
    struct fake_graph fake;
    object_id loaded, session, store, names, name_key;
    address_t addresses[PAGES_MAX];
    uint16_t free_bytes[PAGES_MAX], object_bytes[ENTRIES_MAX];
    uint32_t first_entries[PAGES_MAX + 1];
    object_id objects[ENTRIES_MAX];
    struct sparse_pages pages;
};

static object_id add_field(struct fake_graph *fake, object_id table, const char *key)
{
    object_id name = fake_object(fake, LUA_TYPE_STRING, 32, key);
    object_id value = fake_object(fake, LUA_TYPE_TABLE, 64, NULL);
    fake_refer(fake, table, REFERENCE_FIELD, name, value);
    return value;
}

static struct session *start(void)
{
    struct session *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    fake_graph_start(&s->fake);
    s->loaded = fake_object(&s->fake, LUA_TYPE_TABLE, 64, NULL);
    fake_refer(&s->fake, FAKE_ROOT, ROOT_LOADED, 0, s->loaded);
    s->session = add_field(&s->fake, s->loaded, "session");
    s->store = add_field(&s->fake, s->session, "store");
    s->names = add_field(&s->fake, s->session, "names");
    s->name_key = fake_object(&s->fake, LUA_TYPE_STRING, 32, "name");
    s->pages = (struct sparse_pages){PAGE, 0, s->addresses, s->free_bytes, s->first_entries, s->objects,
        s->object_bytes, 0};
    return s;
}

static object_id add_item(struct session *s, object_id list, unsigned index)
{
    object_id item = fake_object(&s->fake, LUA_TYPE_TABLE, 64, NULL);
    fake_refer(&s->fake, list, REFERENCE_ITEM, index, item);
    return item;
}

static void add_page(struct session *s, uint16_t free_bytes)
{
    s->addresses[s->pages.count] = address(0x100000 + s->pages.count * PAGE);
    s->free_bytes[s->pages.count] = free_bytes;
    s->first_entries[++s->pages.count] = s->pages.entry_count;
}

/* On the page that was added last. */
static void put(struct session *s, object_id object, uint16_t bytes)
{
    s->objects[s->pages.entry_count] = object;
    s->object_bytes[s->pages.entry_count++] = bytes;
    s->first_entries[s->pages.count] = s->pages.entry_count;
}

static struct pin_rows find(struct session *s, size_t limit)
{
    struct path_tree tree = {0};
    uint32_t *steps = NULL;
    struct pin_rows rows = {0};
    fake_graph_finish(&s->fake);
    assert_null(reference_tree_make(&s->fake.paths, &tree, &steps));
    assert_null(pins_find(&s->fake.paths, &s->pages, &tree, steps, limit, &rows));
    path_tree_free(&tree);
    free(steps);
    return rows;
}

static void finish(struct session *s, struct pin_rows *rows)
{
    struct lua_holders holders = {.pins = *rows};
    lua_holders_free(&holders);
    free(s);
}

static void assert_row(const struct pin_row *row, const char *path, uint64_t objects, uint64_t bytes, uint64_t pages,
    uint64_t free_bytes)
{
    assert_string_equal(row->path, path);
    assert_int_equal(row->objects, objects);
    assert_int_equal(row->bytes, bytes);
    assert_int_equal(row->pinned_bytes, pages * PAGE);
    assert_int_equal(row->free_bytes, free_bytes);
}

static void items_count_for_the_table_that_holds_them(void **state)
{
    (void)state;
    struct session *s = start();
    for (unsigned i = 0; i < 20; i++) {
        object_id record = add_item(s, s->store, i + 1);
        add_page(s, 4000);
        put(s, record, 64);
        object_id name = fake_object(&s->fake, LUA_TYPE_STRING, 32, NULL);
        fake_refer(&s->fake, record, REFERENCE_FIELD, s->name_key, name);
        put(s, name, 32);
    }
    struct pin_rows rows = find(s, LIMIT);
    assert_int_equal(rows.count, 1);
    assert_row(&rows.items[0], "package.loaded.session.store", 40, 20 * 96, 20, 20 * 4000);
    assert_int_equal(rows.pages, 20);
    finish(s, &rows);
}

static void a_page_counts_for_the_path_with_most_bytes_on_it(void **state)
{
    (void)state;
    struct session *s = start();
    object_id stored = add_item(s, s->store, 1), named = add_item(s, s->names, 1), other = add_item(s, s->names, 2);
    add_page(s, 3900);
    put(s, stored, 64);
    put(s, named, 50);
    put(s, other, 50);
    struct pin_rows rows = find(s, LIMIT);
    assert_int_equal(rows.count, 1);
    assert_row(&rows.items[0], "package.loaded.session.names", 2, 100, 1, 3900);
    finish(s, &rows);
}

static void an_object_on_two_pages_is_one_object(void **state)
{
    (void)state;
    struct session *s = start();
    object_id record = add_item(s, s->store, 1);
    add_page(s, 4000);
    put(s, record, 40);
    add_page(s, 4032);
    put(s, record, 24);
    struct pin_rows rows = find(s, LIMIT);
    assert_row(&rows.items[0], "package.loaded.session.store", 1, 64, 2, 8032);
    finish(s, &rows);
}

static void what_no_table_of_many_holds_counts_for_its_holder(void **state)
{
    (void)state;
    struct session *s = start();
    add_page(s, 4000);
    put(s, s->names, 64);
    struct pin_rows rows = find(s, LIMIT);
    assert_row(&rows.items[0], "package.loaded.session", 1, 64, 1, 4000);
    finish(s, &rows);
}

static void nested_lists_count_for_the_nearest(void **state)
{
    (void)state;
    struct session *s = start();
    add_page(s, 4000);
    object_id row = add_item(s, s->store, 3);
    put(s, add_item(s, row, 1), 64);
    struct pin_rows rows = find(s, LIMIT);
    assert_row(&rows.items[0], "package.loaded.session.store[*]", 1, 64, 1, 4000);
    finish(s, &rows);
}

static void garbage_and_the_state_keep_pages_too(void **state)
{
    (void)state;
    struct session *s = start();
    add_page(s, 4000);
    put(s, fake_object(&s->fake, LUA_TYPE_TABLE, 64, NULL), 64);
    add_page(s, 4000);
    put(s, fake_object(&s->fake, LUA_TYPE_TABLE, 64, NULL), 64);
    add_page(s, 3000);
    add_page(s, 2100);
    object_id awaited = fake_object(&s->fake, LUA_TYPE_USERDATA, 64, NULL);
    s->fake.awaited[awaited / 8] |= (uint8_t)(1 << awaited % 8);
    put(s, awaited, 64);
    struct pin_rows rows = find(s, LIMIT);
    assert_int_equal(rows.count, 3);
    assert_row(&rows.items[0], "(garbage, not collected yet)", 2, 128, 2, 8000);
    assert_row(&rows.items[1], "(LuaJIT itself)", 0, 0, 1, 3000);
    assert_row(&rows.items[2], "(garbage that waits for its finalizer)", 1, 64, 1, 2100);
    finish(s, &rows);
}

static void the_end_of_a_block_keeps_no_page(void **state)
{
    (void)state;
    struct session *s = start();
    add_page(s, PAGE - 8);
    struct pin_rows rows = find(s, LIMIT);
    assert_int_equal(rows.count, 0);
    assert_int_equal(rows.pages, 0);
    finish(s, &rows);
}

static void totals_are_of_all_pages(void **state)
{
    (void)state;
    struct session *s = start();
    for (unsigned i = 0; i < 3; i++) {
        add_page(s, 4000);
        put(s, add_item(s, i < 2 ? s->store : s->names, i), 64);
    }
    struct pin_rows rows = find(s, 1);
    assert_int_equal(rows.count, 1);
    assert_row(&rows.items[0], "package.loaded.session.store", 2, 128, 2, 8000);
    assert_int_equal(rows.pages, 3);
    assert_int_equal(rows.pinned_bytes, 3 * PAGE);
    assert_int_equal(rows.free_bytes, 12000);
    finish(s, &rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_count_for_the_table_that_holds_them),
        cmocka_unit_test(a_page_counts_for_the_path_with_most_bytes_on_it),
        cmocka_unit_test(an_object_on_two_pages_is_one_object),
        cmocka_unit_test(what_no_table_of_many_holds_counts_for_its_holder),
        cmocka_unit_test(nested_lists_count_for_the_nearest),
        cmocka_unit_test(garbage_and_the_state_keep_pages_too),
        cmocka_unit_test(the_end_of_a_block_keeps_no_page),
        cmocka_unit_test(totals_are_of_all_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
