/*
 * What is in zones of limits, caches, TLS sessions and upstreams: each row's layout made by hand is told to the entry,
 * and damage is noticed.
 */
#include <string.h>

#include "layouts/nginx_slab.h"
#include "zone_fixture.h"

enum {
    KIB = 1024,
    MIB = 1024 * KIB,
    ENTRIES = NODES_MAX,
};

static const struct {
    enum zone_kind kind;
    const struct nginx_zone_rows *rows;
} families[] = {
    {ZONE_LIMIT_REQ, &nginx_limit_req_rows},
    {ZONE_LIMIT_CONN, &nginx_limit_conn_rows},
    {ZONE_CACHE, &nginx_cache_rows},
    {ZONE_SSL_SESSIONS, &nginx_ssl_session_rows},
};

static void start(struct fixture *f, enum zone_kind kind, const struct nginx_zone_row *row)
{
    memset(f, 0, sizeof(*f));
    fake_zone_start(&f->zone, MIB);
    f->kind = kind;
    f->row = row;
    if (row)
        f->record = fake_record(&f->zone, row, "one");
}

/* Every third has expired, where entries do. */
static void fill(struct fixture *f)
{
    for (uint64_t i = 0; i < ENTRIES; i++) {
        f->nodes[i] = fake_row_add(&f->zone, f->row, f->record, &(struct fake_row_entry){
            .key = (i + 1) * UINT64_C(0x9e3779b97f4a7c15), .key_bytes = 4 + i % 28, .last_ms = MONOTONIC_MS - 2 * i,
            .expires_s = i % 3 ? NOW_S + i : NOW_S - i, .other_bytes = 100 + i % 900,
        });
        assert_int_not_equal(f->nodes[i], 0);
    }
}

/* Do `what` with a zone of each row. */
static void with_each_row(void (*what)(struct fixture *f))
{
    for (size_t family = 0; family < sizeof(families) / sizeof(families[0]); family++)
        for (unsigned i = 0; i < families[family].rows->count; i++) {
            struct fixture f;
            start(&f, families[family].kind, &families[family].rows->items[i]);
            what(&f);
            end(&f);
        }
}

static bool is_present(uint16_t field)
{
    return field != NGINX_ZONE_FIELD_ABSENT;
}

static void check_empty(struct fixture *f)
{
    const struct zone_contents *contents = told(f, true);
    assert_int_equal(contents->entries, 0);
    assert_int_equal(contents->tree_height, 0);
    assert_false(contents->has_ends);
}

static void zones_without_entries_are_told(void **state)
{
    (void)state;
    with_each_row(check_empty);
}

static void check_filled(struct fixture *f)
{
    if (is_present(f->row->disk_blocks))
        fake_zone_put(&f->zone, f->record + f->row->disk_blocks, 4711);
    fill(f);
    const struct zone_contents *contents = told(f, true);
    const bool expire = is_present(f->row->entry.expires_s);
    assert_int_equal(contents->entries, ENTRIES);
    assert_int_equal(contents->expired, expire ? (ENTRIES + 2) / 3 : 0);
    assert_in_range(contents->tree_height, 10, 40);
    assert_int_equal(contents->disk_blocks, is_present(f->row->disk_blocks) ? 4711 : 0);
    assert_int_equal(contents->has_ends, is_present(f->row->queue));
    if (!contents->has_ends)
        return;
    assert_int_equal(contents->newest.expires, expire);
    if (expire) {
        assert_true(contents->newest.left_ms == -(ENTRIES - 1) * 1000);
        assert_true(contents->oldest.left_ms == 0);
    }
    assert_int_equal(contents->newest.has_age, is_present(f->row->entry.last_ms));
    if (contents->newest.has_age)
        assert_int_equal(contents->newest.age_ms, 2 * (ENTRIES - 1));
    if (is_present(f->row->entry.key)) {
        assert_string_equal(contents->oldest.key, "abcd");
        assert_int_equal(contents->newest.key_bytes, 4 + (ENTRIES - 1) % 28);
    }
    assert_null(read_contents(f, false));
    assert_null(f->told.contents.newest.key);
}

static void entries_of_each_row_are_told(void **state)
{
    (void)state;
    with_each_row(check_filled);
}

/* A tree that looks empty, while somebody is at work: the entries are found all the same. */
static void check_at_work(struct fixture *f)
{
    fill(f);
    const uint64_t sentinel = fake_zone_get(&f->zone, f->record + NGINX_TREE_SENTINEL);
    fake_zone_put(&f->zone, FAKE_ZONE + NGINX_SLAB_LOCK, 1);
    fake_zone_put(&f->zone, f->record + NGINX_TREE_ROOT, sentinel);
    fake_zone_put(&f->zone, f->nodes[0] + NGINX_NODE_PARENT, sentinel);
    assert_int_equal(told(f, true)->entries, ENTRIES);
}

static void entries_are_found_while_somebody_is_at_work(void **state)
{
    (void)state;
    with_each_row(check_at_work);
}

/* What is foretold of expired entries is what giving them back does. */
static void check_foretold(struct fixture *f)
{
    fill(f);
    uint64_t foretold = told(f, true)->pages_if_expired_went, before = f->told.slabs.pages.free;
    for (uint64_t i = 0; i < ENTRIES && is_present(f->row->entry.expires_s); i += 3) {
        if (is_present(f->row->entry.other))
            fake_zone_free(&f->zone, fake_zone_get(&f->zone, f->nodes[i] + f->row->entry.other));
        fake_zone_free(&f->zone, f->nodes[i]);
    }
    slab_pool_free(&f->pool);
    f->told.checks = (struct checks){0};
    assert_null(slab_pool_read(&f->zone.image, f->zone.size_bytes, &f->pool, &f->told.slabs, &f->told.checks));
    assert_int_equal(f->told.slabs.pages.free - before, foretold);
}

static void pages_that_expired_entries_hold_alone_are_foretold(void **state)
{
    (void)state;
    with_each_row(check_foretold);
}

struct change {
    const char *what;
    uint64_t at, value;
};

static void assert_change_noticed(struct fixture *f, struct change change)
{
    uint64_t before = fake_zone_get(&f->zone, change.at);
    fake_zone_put(&f->zone, change.at, change.value);
    assert_noticed(f, change.what);
    fake_zone_put(&f->zone, change.at, before);
}

static void check_damage(struct fixture *f)
{
    fill(f);
    const struct nginx_zone_row *row = f->row;
    const uint64_t root = f->nodes[0], inner = fake_zone_get(&f->zone, root + NGINX_NODE_LEFT), leaf = f->nodes[699];
    const uint64_t middle = f->nodes[350];
    const struct change changes[] = {
        {"no record", FAKE_ZONE + NGINX_SLAB_DATA, 0},
        {"a record outside the zone", FAKE_ZONE + NGINX_SLAB_DATA, UINT64_MAX - 7},
        {"no text for the log", FAKE_ZONE + NGINX_SLAB_LOG_CONTEXT, 0},
        {"another text for the log", FAKE_ZONE + NGINX_SLAB_LOG_CONTEXT, f->record},
        {"it looks empty", f->record + NGINX_TREE_ROOT, fake_zone_get(&f->zone, f->record + NGINX_TREE_SENTINEL)},
        {"no sentinel", f->record + NGINX_TREE_SENTINEL, 0},
        {"a branch leads back", leaf + NGINX_NODE_LEFT, inner},
        {"a branch leads to itself", leaf + NGINX_NODE_LEFT, leaf},
        {"a branch leads nowhere", inner + NGINX_NODE_RIGHT, UINT64_MAX},
        {"a parent is another", middle + NGINX_NODE_PARENT, leaf},
    };
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
        assert_change_noticed(f, changes[i]);
    if (is_present(row->queue)) {
        const uint64_t head = f->record + row->queue, at = middle + row->entry.queue;
        assert_change_noticed(f, (struct change){"the queue looks empty", head + NGINX_QUEUE_NEXT, head});
        assert_change_noticed(f, (struct change){"the queue ends nowhere", head + NGINX_QUEUE_PREVIOUS, 0});
        assert_change_noticed(f, (struct change){"an entry leads to itself", at + NGINX_QUEUE_NEXT, at});
        assert_change_noticed(f, (struct change){"an entry leads to none", at + NGINX_QUEUE_NEXT, UINT64_MAX});
    }
    if (is_present(row->count))
        assert_change_noticed(f, (struct change){"another count", f->record + row->count, ENTRIES + 1});
    if (is_present(row->entry.other)) {
        assert_change_noticed(f, (struct change){"another second slab", middle + row->entry.other, leaf});
        assert_change_noticed(f, (struct change){"a huge second slab", middle + row->entry.other_length, UINT64_MAX});
    }
    told(f, true);
}

static void damage_is_noticed_in_each_row(void **state)
{
    (void)state;
    with_each_row(check_damage);
}

static void times_that_no_clock_has_are_no_trouble(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, ZONE_CACHE, nginx_cache_rows.items);
    fill(&f);
    fake_zone_put(&f.zone, f.nodes[0] + f.row->entry.expires_s, UINT64_MAX);
    fake_zone_put(&f.zone, f.nodes[3] + f.row->entry.expires_s, INT64_MAX);
    assert_int_equal(told(&f, true)->expired, (ENTRIES + 2) / 3 - 2);
    end(&f);
}

static void a_zone_of_another_kind_is_not_told(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, ZONE_LIMIT_REQ, nginx_limit_req_rows.items);
    fill(&f);
    static const enum zone_kind kinds[] = {ZONE_LUA_DICT, ZONE_LIMIT_CONN, ZONE_CACHE, ZONE_SSL_SESSIONS,
        ZONE_UPSTREAM, ZONE_OTHER};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        f.kind = kinds[i];
        assert_null(read_contents(&f, true));
        assert_false(f.told.contents.is_known);
    }
    end(&f);
}

static void servers_of_upstreams_are_counted(void **state)
{
    (void)state;
    for (unsigned i = 0; i < nginx_peers_row_count; i++) {
        const struct nginx_peers_row *row = &nginx_peers_rows[i];
        struct fixture f;
        start(&f, ZONE_UPSTREAM, NULL);
        uint64_t first = fake_peers(&f.zone, row, "backend", 3), backup = fake_peers(&f.zone, row, "backend", 1);
        uint64_t second = fake_peers(&f.zone, row, "other", 0);
        fake_zone_put(&f.zone, first + row->backup, backup);
        fake_zone_put(&f.zone, first + row->next_group, second);
        fake_zone_put(&f.zone, FAKE_ZONE + NGINX_SLAB_DATA, first);
        assert_int_equal(told(&f, true)->entries, 4);
        const struct change changes[] = {
            {"no group", FAKE_ZONE + NGINX_SLAB_DATA, 0},
            {"a group leads back", second + row->next_group, first},
            {"a group leads to itself", first + row->next_group, first},
            {"a group leads out of the zone", first + row->next_group, UINT64_MAX - 7},
            {"a backup is none", first + row->backup, 8},
            {"another pool", first + row->pool, FAKE_ZONE + 4096},
            {"no name", first + row->name, 0},
            {"no server", first + row->first, 0},
            {"more servers than fit", first + row->number, MIB},
            {"too many servers", first + row->number, UINT64_MAX},
        };
        for (size_t j = 0; j < sizeof(changes) / sizeof(changes[0]); j++)
            assert_change_noticed(&f, changes[j]);
        told(&f, true);
        end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zones_without_entries_are_told),
        cmocka_unit_test(entries_of_each_row_are_told),
        cmocka_unit_test(entries_are_found_while_somebody_is_at_work),
        cmocka_unit_test(pages_that_expired_entries_hold_alone_are_foretold),
        cmocka_unit_test(damage_is_noticed_in_each_row),
        cmocka_unit_test(times_that_no_clock_has_are_no_trouble),
        cmocka_unit_test(a_zone_of_another_kind_is_not_told),
        cmocka_unit_test(servers_of_upstreams_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
