/* What is in a lua_shared_dict: one made by hand is told to the entry, and every kind of damage is noticed. */
#include <string.h>

#include "layouts/nginx_slab.h"
#include "zone_fixture.h"

enum {
    KIB = 1024,
    MIB = 1024 * KIB,
};

static void start(struct fixture *f, uint64_t size_bytes)
{
    memset(f, 0, sizeof(*f));
    fake_zone_start(&f->zone, size_bytes);
    f->kind = ZONE_LUA_DICT;
    f->record = fake_dict(&f->zone, "dogs");
}

static uint64_t add(struct fixture *f, struct fake_entry entry)
{
    uint64_t node = fake_dict_add(&f->zone, f->record, &entry);
    assert_true(node != 0);
    return node;
}

static uint64_t add_string(struct fixture *f, uint64_t key, uint64_t value_bytes)
{
    return add(f, (struct fake_entry){.key = key, .key_bytes = 6, .value_bytes = value_bytes,
        .type = NGINX_DICT_STRING});
}

static uint64_t push(struct fixture *f, uint64_t node, uint64_t value_bytes)
{
    uint64_t item = fake_dict_push(&f->zone, node, value_bytes);
    assert_true(item != 0);
    return item;
}

static void assert_sum(struct entry_sum sum, uint64_t count, uint64_t bytes)
{
    assert_int_equal(sum.count, count);
    assert_int_equal(sum.bytes, bytes);
}

static void an_empty_dict_has_no_entries(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, MIB);
    const struct zone_contents *contents = told(&f, false);
    assert_int_equal(contents->entries, 0);
    assert_int_equal(contents->tree_height, 0);
    assert_int_equal(contents->pages_if_expired_went, 0);
    assert_false(contents->has_ends);
    assert_int_equal(contents->largest_count, 0);
    end(&f);
}

static void entries_are_told_by_type_and_by_time_left(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, MIB);
    const struct fake_entry entries[] = {
        {50, 3, 5, NGINX_DICT_STRING, 0},
        {30, 4, 8, NGINX_DICT_NUMBER, NOW_MS + 1},
        {70, 5, 1, NGINX_DICT_BOOLEAN, NOW_MS},            /* expired this very moment */
        {20, 6, 3000, NGINX_DICT_STRING, NOW_MS - 5},
        {60, 7, 40, NGINX_DICT_STRING, NOW_MS + 1000},     /* no longer below a second */
        {80, 8, 0, NGINX_DICT_STRING, UINT64_MAX / 4},
        {10, 9, 0, NGINX_DICT_LIST, NOW_MS + 59999},
    };
    uint64_t node = 0;
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
        node = add(&f, entries[i]);
    push(&f, node, 11);
    push(&f, node, 500);
    const struct zone_contents *contents = told(&f, false);
    assert_int_equal(contents->entries, 7);
    assert_int_equal(contents->expired, 2);
    assert_sum(contents->by_type[DICT_STRING], 4, 8 + 3006 + 47 + 8);
    assert_sum(contents->by_type[DICT_NUMBER], 1, 12);
    assert_sum(contents->by_type[DICT_BOOLEAN], 1, 6);
    assert_sum(contents->by_type[DICT_LIST], 1, 9 + 511);
    assert_sum(contents->by_type[DICT_NIL], 0, 0);
    assert_int_equal(contents->list_items, 2);
    assert_int_equal(contents->list_item_bytes, 511);
    assert_sum(contents->never, 1, 8);
    assert_sum(contents->by_ttl[0], 1, 12);
    assert_sum(contents->by_ttl[1], 1, 47);
    assert_sum(contents->by_ttl[2], 1, 520);
    assert_sum(contents->by_ttl[TTL_ROWS - 1], 1, 8);
    assert_int_equal(contents->tree_height, 4);
    assert_int_equal(contents->sizes.bins[3].count, 3);
    assert_int_equal(contents->sizes.bins[11].bytes, 3006);
    end(&f);
}

static void ends_and_largest_entries_are_shown(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, MIB);
    for (uint64_t i = 0; i < 6; i++)
        add(&f, (struct fake_entry){.key = 10 - i, .key_bytes = 2 + i, .value_bytes = 100 * (i ^ 3),
            .type = NGINX_DICT_STRING, .expires_ms = i ? NOW_MS - 10 * i : 0});
    const struct zone_contents *contents = told(&f, false);
    assert_int_equal(contents->largest_count, LARGEST);
    assert_int_equal(contents->largest[0].value_bytes, 700);
    assert_int_equal(contents->largest[1].value_bytes, 600);
    assert_int_equal(contents->largest[2].value_bytes, 300);
    assert_true(contents->has_ends);
    assert_int_equal(contents->newest.key_bytes, 7);
    assert_true(contents->newest.expires);
    assert_true(contents->newest.left_ms == -50);
    assert_int_equal(contents->oldest.key_bytes, 2);
    assert_false(contents->oldest.expires);
    assert_null(contents->largest[0].key);
    assert_null(contents->newest.key);
    assert_null(read_contents(&f, true));
    assert_string_equal(f.told.contents.newest.key, "fghijkl");
    assert_string_equal(f.told.contents.oldest.key, "kl");
    end(&f);
}

/* Keys in an order that lets the tree grow about evenly. */
static uint64_t scattered(uint64_t i)
{
    return (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static void trees_of_any_size_and_shape_are_followed(void **state)
{
    (void)state;
    static const uint64_t counts[] = {1, 2, 3, 7, 255, 256, 257, 1000, 4000};
    for (size_t row = 0; row < sizeof(counts) / sizeof(counts[0]); row++)
        for (int is_line = 0; is_line < 2; is_line++) {
            struct fixture f;
            start(&f, 2 * MIB);
            for (uint64_t i = 0; i < counts[row]; i++)
                add_string(&f, is_line ? i : scattered(i), i % 300);
            const struct zone_contents *contents = told(&f, false);
            assert_int_equal(contents->entries, counts[row]);
            if (is_line)
                assert_int_equal(contents->tree_height, counts[row]);
            assert_int_equal(contents->by_type[DICT_STRING].count, counts[row]);
            end(&f);
        }
}

/* Many enough for several threads. */
static void a_large_tree_is_told_as_a_small_one(void **state)
{
    (void)state;
    enum { ENTRIES = 200000 };
    struct fixture f;
    uint64_t bytes = 0, expired = 0, lists = 0;
    start(&f, 64 * MIB);
    for (uint64_t i = 0; i < ENTRIES; i++) {
        const bool is_list = i % 97 == 0;
        uint64_t node = add(&f, (struct fake_entry){.key = scattered(i), .key_bytes = 1 + i % 20,
            .value_bytes = i % 200, .type = is_list ? NGINX_DICT_LIST : NGINX_DICT_STRING,
            .expires_ms = i % 3 ? NOW_MS + 1000 : NOW_MS - 1000});
        bytes += 1 + i % 20 + (is_list ? 33 * 3 : i % 200);
        expired += i % 3 == 0;
        lists += is_list;
        for (unsigned item = 0; is_list && item < 3; item++)
            push(&f, node, 33);
    }
    const struct zone_contents *contents = told(&f, false);
    assert_int_equal(contents->entries, ENTRIES);
    assert_int_equal(contents->expired, expired);
    assert_int_equal(contents->list_items, 3 * lists);
    assert_int_equal(contents->by_type[DICT_STRING].bytes + contents->by_type[DICT_LIST].bytes, bytes);
    end(&f);
}

/* What is foretold of expired entries is what giving them back does. */
static void pages_that_expired_entries_hold_alone_are_foretold(void **state)
{
    (void)state;
    enum { ENTRIES = 1200, ITEMS = 4 };
    static uint64_t gone[ENTRIES * (ITEMS + 1)];
    for (uint64_t round = 0; round < 12; round++) {
        struct fixture f;
        size_t count = 0;
        start(&f, 2 * MIB);
        for (uint64_t i = 0; i < ENTRIES; i++) {
            const bool goes = scattered(i / (1 + round * 4)) >> 60 < 9, is_list = i % 5 == 0;
            uint64_t node = add(&f, (struct fake_entry){.key = scattered(i), .key_bytes = 5,
                .value_bytes = i % 50 == 1 ? 9000 : i % 400, .type = is_list ? NGINX_DICT_LIST : NGINX_DICT_STRING,
                .expires_ms = goes ? NOW_MS - 1 : 0});
            for (unsigned item = 0; is_list && item < ITEMS; item++) {
                uint64_t at = push(&f, node, 20 + item * 200);
                if (goes)
                    gone[count++] = at;
            }
            if (goes)
                gone[count++] = node;
        }
        uint64_t foretold = told(&f, false)->pages_if_expired_went, before = f.told.slabs.pages.free;
        for (size_t i = 0; i < count; i++)
            fake_zone_free(&f.zone, gone[i]);
        slab_pool_free(&f.pool);
        f.told.checks = (struct checks){0};
        assert_null(slab_pool_read(&f.zone.image, f.zone.size_bytes, &f.pool, &f.told.slabs, &f.told.checks));
        assert_int_equal(f.told.slabs.pages.free - before, foretold);
        assert_true(foretold > 0);
        end(&f);
    }
}

/* Whatever is left free: slabs of some size, or pages. */
static void the_largest_value_is_just_what_fits(void **state)
{
    (void)state;
    static const uint64_t fillers[] = {0, 1, 60, 100, 1000, 1900, 5000};
    for (size_t row = 0; row < sizeof(fillers) / sizeof(fillers[0]); row++) {
        struct fixture f;
        start(&f, 64 * KIB);
        for (uint64_t i = 0; fillers[row]; i++) {
            struct fake_entry entry = {scattered(i), 6, fillers[row], NGINX_DICT_STRING, 0};
            if (!fake_dict_add(&f.zone, f.record, &entry))
                break;
        }
        uint64_t fits = told(&f, false)->largest_value;
        assert_int_equal(fake_zone_alloc(&f.zone, NGINX_DICT_KEY + fits + 1), 0);
        if (fits)
            assert_int_not_equal(fake_zone_alloc(&f.zone, NGINX_DICT_KEY + fits), 0);
        assert_int_equal(fits == 0, fillers[row] == 1);
        end(&f);
    }
}

static void what_nobody_leads_to_is_missed(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {8, 100, 5000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct fixture f;
        start(&f, MIB);
        add_string(&f, 1, 100);
        told(&f, false);
        fake_zone_alloc(&f.zone, sizes[i]);
        assert_noticed(&f, "a slab that no entry is in");
        end(&f);
    }
}

/* A dict of 300 entries, one of which is a list, with one word of it changed. */
struct scene {
    struct fixture f;
    uint64_t nodes[300], list, items[5];
};

static void set_scene(struct scene *s)
{
    start(&s->f, MIB);
    for (uint64_t i = 0; i < 300; i++)
        s->nodes[i] = add_string(&s->f, scattered(i), 20);
    s->list = add(&s->f, (struct fake_entry){.key = 5, .key_bytes = 6, .type = NGINX_DICT_LIST});
    for (unsigned i = 0; i < 5; i++)
        s->items[i] = push(&s->f, s->list, 30);
    assert_int_equal(told(&s->f, false)->entries, 301);
}

static uint64_t free_slab(struct scene *s)
{
    uint64_t at = fake_zone_alloc(&s->f.zone, 94);
    fake_zone_free(&s->f.zone, at);
    return at;
}

struct change {
    const char *what;
    uint64_t at, value;
};

static void assert_all_noticed(struct scene *s, const struct change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t before = fake_zone_get(&s->f.zone, changes[i].at);
        fake_zone_put(&s->f.zone, changes[i].at, changes[i].value);
        assert_noticed(&s->f, changes[i].what);
        fake_zone_put(&s->f.zone, changes[i].at, before);
    }
    told(&s->f, false);
}

static void trees_that_are_torn_are_noticed(void **state)
{
    (void)state;
    struct scene s;
    set_scene(&s);
    struct fake_zone *zone = &s.f.zone;
    const uint64_t root = s.nodes[0], inner = fake_zone_get(zone, root + NGINX_NODE_LEFT), free_at = free_slab(&s);
    const uint64_t below = fake_zone_get(zone, inner + NGINX_NODE_LEFT), leaf = s.nodes[299];
    const struct change changes[] = {
        {"its root is no node", s.f.record + NGINX_TREE_ROOT, 0},
        {"its root is another node", s.f.record + NGINX_TREE_ROOT, inner},
        {"it looks empty", s.f.record + NGINX_TREE_ROOT, s.f.record + 24},
        {"its sentinel is another", s.f.record + NGINX_TREE_SENTINEL, root},
        {"a branch leads to itself", inner + NGINX_NODE_LEFT, inner},
        {"a branch leads to the root", inner + NGINX_NODE_LEFT, root},
        {"a branch leads to the one above", below + NGINX_NODE_LEFT, inner},
        {"a leaf leads to the root", leaf + NGINX_NODE_RIGHT, root},
        {"a leaf leads into another branch", leaf + NGINX_NODE_RIGHT, below},
        {"both branches are one", inner + NGINX_NODE_RIGHT, below},
        {"a branch is cut", inner + NGINX_NODE_LEFT, s.f.record + 24},
        {"a branch leads to 0", inner + NGINX_NODE_LEFT, 0},
        {"a branch leads out of the zone", inner + NGINX_NODE_LEFT, FAKE_ZONE - 4096},
        {"a branch leads behind the zone", inner + NGINX_NODE_LEFT, FAKE_ZONE + MIB - 8},
        {"a branch leads to the highest address", inner + NGINX_NODE_LEFT, UINT64_MAX - 7},
        {"a branch leads to a free slab", inner + NGINX_NODE_LEFT, free_at},
        {"a branch leads into the middle of a slab", inner + NGINX_NODE_LEFT, below + 8},
        {"a branch leads into the books", inner + NGINX_NODE_LEFT, FAKE_ZONE + 1024},
        {"a parent is another", below + NGINX_NODE_PARENT, root},
        {"a parent is none", below + NGINX_NODE_PARENT, 0},
        {"a value has no known type", below + NGINX_NODE_COLOR, UINT64_C(20) << 32 | 6 << 16 | 9 << 8},
        {"a key is too long", below + NGINX_NODE_COLOR, UINT64_C(20) << 32 | 0xffffu << 16 | 4 << 8},
        {"a value is too long", below + NGINX_NODE_COLOR, UINT64_C(0xffffffff) << 32 | 6 << 16 | 4 << 8},
        {"a number has 20 bytes", below + NGINX_NODE_COLOR, UINT64_C(20) << 32 | 6 << 16 | 3 << 8},
    };
    assert_all_noticed(&s, changes, sizeof(changes) / sizeof(changes[0]));
    end(&s.f);
}

/* Then a tree may have turned while it was followed: what the slabs hold counts. */
static void a_turning_tree_hides_nothing_while_somebody_is_at_work(void **state)
{
    (void)state;
    struct scene s;
    set_scene(&s);
    const struct zone_contents quiet = *told(&s.f, false);
    const uint64_t inner = fake_zone_get(&s.f.zone, s.nodes[0] + NGINX_NODE_LEFT);
    fake_zone_put(&s.f.zone, FAKE_ZONE + NGINX_SLAB_LOCK, 4711);
    fake_zone_put(&s.f.zone, inner + NGINX_NODE_LEFT, s.f.record + nginx_dict_rows.items->sentinel);
    const struct zone_contents *contents = told(&s.f, false);
    assert_int_equal(contents->entries, quiet.entries);
    assert_int_equal(contents->expired, quiet.expired);
    assert_int_equal(contents->list_items, quiet.list_items);
    assert_memory_equal(contents->by_type, quiet.by_type, sizeof(quiet.by_type));
    assert_memory_equal(&contents->sizes, &quiet.sizes, sizeof(quiet.sizes));
    assert_true(contents->has_ends);
    end(&s.f);
}

static void queues_that_are_torn_are_noticed(void **state)
{
    (void)state;
    struct scene s;
    set_scene(&s);
    const uint64_t head = s.f.record + nginx_dict_rows.items->queue, next = NGINX_QUEUE_NEXT;
    uint64_t at[4];
    for (unsigned i = 0; i < 4; i++)
        at[i] = s.nodes[100 + i] + NGINX_DICT_QUEUE;
    /* Older entries come later: 103, 102, 101, 100. */
    const struct change changes[] = {
        {"the queue looks empty", head + next, head},
        {"the queue begins with its second", head + next, s.nodes[299] + NGINX_DICT_QUEUE},
        {"the queue begins nowhere", head + next, 0},
        {"an entry is left out", at[3] + next, at[1]},
        {"the queue goes back", at[1] + next, at[3]},
        {"an entry leads to itself", at[2] + next, at[2]},
        {"the queue ends too early", at[2] + next, head},
        {"an entry leads to 0", at[2] + next, 0},
    };
    assert_all_noticed(&s, changes, sizeof(changes) / sizeof(changes[0]));
    end(&s.f);
}

static void lists_that_are_torn_are_noticed(void **state)
{
    (void)state;
    struct scene s;
    set_scene(&s);
    const uint64_t head = fake_dict_list(&s.f.zone, s.list), next = NGINX_QUEUE_NEXT;
    const uint64_t length = s.list + NGINX_NODE_COLOR;
    const uint64_t as_list = 6 << 16 | NGINX_DICT_LIST << 8, *items = s.items;
    const struct change changes[] = {
        {"a list has more items", length, UINT64_C(6) << 32 | as_list},
        {"a list has fewer items", length, UINT64_C(4) << 32 | as_list},
        {"a list has billions of items", length, UINT64_C(0xffffffff) << 32 | as_list},
        {"a list is empty", head + next, head},
        {"a list begins nowhere", head + next, 0},
        {"an item leads to itself", items[2] + next, items[2]},
        {"an item leads back", items[2] + next, items[1]},
        {"an item leads to an entry", items[2] + next, s.nodes[3]},
        {"an item is left out", items[2] + next, items[4]},
        {"an item leads to another head", items[4] + next, s.f.record + nginx_dict_rows.items->queue},
        {"an item names another before it", items[2] + NGINX_QUEUE_PREVIOUS, items[0]},
        {"an item is longer than its slab", items[2] + NGINX_DICT_ITEM_LENGTH, UINT64_C(4) << 32 | 5000},
        {"an item has no known type", items[2] + NGINX_DICT_ITEM_LENGTH, UINT64_C(7) << 32 | 30},
    };
    assert_all_noticed(&s, changes, sizeof(changes) / sizeof(changes[0]));
    end(&s.f);
}

static void pages_that_are_not_in_memory_are_missed(void **state)
{
    (void)state;
    struct scene s;
    set_scene(&s);
    fake_zone_unload(&s.f.zone, s.nodes[299]);
    assert_noticed(&s.f, "a page of entries is not loaded");
    fake_zone_at(&s.f.zone, s.nodes[299]);
    told(&s.f, false);
    fake_zone_unload(&s.f.zone, s.f.record);
    assert_noticed(&s.f, "the record is not loaded");
    end(&s.f);
}

static void a_record_that_is_none_is_refused(void **state)
{
    (void)state;
    struct scene s;
    set_scene(&s);
    const uint64_t data = FAKE_ZONE + NGINX_SLAB_DATA;
    const struct change changes[] = {
        {"no record", data, 0},
        {"a record outside the zone", data, FAKE_ZONE - 4096},
        {"a record behind the zone", data, FAKE_ZONE + MIB},
        {"a record in the books", data, FAKE_ZONE + 512},
        {"a record in the middle of a slab", data, s.f.record + 8},
        {"a record of another size", data, s.items[0]},
        {"an entry as the record", data, s.nodes[7]},
    };
    assert_all_noticed(&s, changes, sizeof(changes) / sizeof(changes[0]));
    end(&s.f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_dict_has_no_entries),
        cmocka_unit_test(entries_are_told_by_type_and_by_time_left),
        cmocka_unit_test(ends_and_largest_entries_are_shown),
        cmocka_unit_test(trees_of_any_size_and_shape_are_followed),
        cmocka_unit_test(a_large_tree_is_told_as_a_small_one),
        cmocka_unit_test(pages_that_expired_entries_hold_alone_are_foretold),
        cmocka_unit_test(the_largest_value_is_just_what_fits),
        cmocka_unit_test(what_nobody_leads_to_is_missed),
        cmocka_unit_test(trees_that_are_torn_are_noticed),
        cmocka_unit_test(a_turning_tree_hides_nothing_while_somebody_is_at_work),
        cmocka_unit_test(queues_that_are_torn_are_noticed),
        cmocka_unit_test(lists_that_are_torn_are_noticed),
        cmocka_unit_test(pages_that_are_not_in_memory_are_missed),
        cmocka_unit_test(a_record_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
