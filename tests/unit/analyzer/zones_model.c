#include "zones_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

static char *text_of(const char *text)
{
    char *copy = strdup(text);
    assert_non_null(copy);
    return copy;
}

static void make_slabs(struct slab_account *slabs)
{
    slabs->pages = (struct slab_pages){.total = 25450, .free = 16000, .free_loaded = 12, .free_runs = 3,
        .largest_free_run = 15990, .small = 1, .exact = 40, .big = 9400, .whole = 9, .whole_allocations = 2};
    slabs->size_count = 3;
    slabs->sizes[0] = (struct slab_size){.slab_bytes = 32, .pages = 1, .used = 1, .free = 126, .bitmap_slabs = 1,
        .requests = 1, .sparse_pages = 1, .sparse_used = 1};
    slabs->sizes[1] = (struct slab_size){.slab_bytes = 64, .pages = 40, .used = 400, .free = 2160, .requests = 70000,
        .sparse_pages = 31, .sparse_used = 310};
    slabs->sizes[2] = (struct slab_size){.slab_bytes = 128, .pages = 9400, .used = 300501, .free = 299,
        .requests = 400000, .failures = 77};
    slabs->page_bytes = 4096;
    slabs->header_bytes = 614400;
    slabs->largest_allocation = 65495040;
}

static struct shown_entry entry_of(const char *key, uint64_t value_bytes, enum dict_value type)
{
    return (struct shown_entry){
        .key = text_of(key), .key_bytes = strlen(key), .value_bytes = value_bytes, .type = type,
    };
}

static void make_contents(struct zone_contents *contents)
{
    *contents = (struct zone_contents){.is_known = true, .entries = 300500, .expired = 120000, .tree_height = 22,
        .never = {500, 64000}, .list_items = 2000, .list_item_bytes = 60000, .key_overhead = 68,
        .largest_value = 65494900, .pages_if_expired_went = 3700, .has_ends = true};
    contents->by_type[DICT_NUMBER] = (struct entry_sum){300000, 5088895};
    contents->by_type[DICT_LIST] = (struct entry_sum){500, 64000};
    contents->by_ttl[4] = (struct entry_sum){180000, 3000000};
    contents->sizes.bins[4] = (struct histogram_bin){300000, 5088895};
    contents->sizes.bins[7] = (struct histogram_bin){500, 64000};
    contents->newest = entry_of("token:ada", 8, DICT_NUMBER);
    contents->newest.expires = true;
    contents->newest.left_ms = 3540000;
    contents->oldest = entry_of("token:bob", 8, DICT_NUMBER);
    contents->oldest.expires = true;
    contents->oldest.left_ms = -7200000;
    contents->largest = calloc(2, sizeof(*contents->largest));
    assert_non_null(contents->largest);
    contents->largest_count = 2;
    contents->largest[0] = entry_of("queue:mail", 400, DICT_LIST);
    contents->largest[1] = entry_of("queue:audit", 320, DICT_LIST);
}

static void make_sessions(struct shared_zone *zone)
{
    *zone = (struct shared_zone){
        .name = text_of("sessions"),
        .module = text_of("ngx_http_lua_module"),
        .kind = ZONE_LUA_DICT,
        .range = {address(0x7f0000000000), address(0x7f0006400000)},
        .size_bytes = 100 << 20,
        .has_residency = true,
        .loaded_bytes = 38 << 20,
        .own_bytes = 20 << 20,
        .lineage = {.made_ns = 1700000000000000000, .before_process_ms = 7200000, .processes = 3, .others = 1,
            .other_processes = 1, .was_kept = true, .others_loaded = 5 << 20},
        .has_slabs = true,
        .attempts = 2,
        .changes = 4,
    };
    make_slabs(&zone->slabs);
    make_contents(&zone->contents);
    checks_add(&zone->checks, "pages of free runs = nginx's count", 16000, 16000);
}

void zones_model_make(struct shared_zones *zones)
{
    *zones = (struct shared_zones){.items = calloc(3, sizeof(*zones->items)), .count = 3, .capacity = 3};
    assert_non_null(zones->items);
    make_sessions(&zones->items[0]);
    zones->items[1] = (struct shared_zone){.name = text_of("gone"), .module = text_of("?"), .kind = ZONE_OTHER,
        .range = {address(0x7f0010000000), address(0x7f0010100000)}, .size_bytes = 1 << 20, .has_residency = true,
        .loaded_bytes = 16 << 10, .swapped_bytes = 8 << 10,
        .damage = error_new(ERROR_NOT_UNDERSTOOD, "its pages form a ring")};
    zones->items[2] = (struct shared_zone){.name = text_of("nginx_shared_zone"), .module = text_of("nginx"),
        .range = {address(0x7f0020000000), address(0x7f0020001000)}, .kind = ZONE_COUNTERS, .size_bytes = 896,
        .has_residency = true, .loaded_bytes = 4096, .own_bytes = 4096};
    zones->forecast = (struct zone_forecast){.rss_bytes = 41 << 20, .zones_rss_bytes = 38 << 20,
        .rss_grows_by = 63 << 20, .memory_needed = 62 << 20, .has_limit = true, .limit_bytes = 512 << 20,
        .limit_used_bytes = 112 << 20, .limit_name = "/system.slice/nginx.service",
        .available_bytes = (uint64_t)2 << 30, .fits = true};
}

static void assert_entries_equal(const struct shown_entry *left, const struct shown_entry *right)
{
    assert_string_equal(left->key, right->key);
    assert_int_equal(left->key_bytes, right->key_bytes);
    assert_int_equal(left->value_bytes, right->value_bytes);
    assert_int_equal(left->type, right->type);
    assert_int_equal(left->expires, right->expires);
    assert_int_equal(left->left_ms, right->left_ms);
    assert_int_equal(left->has_age, right->has_age);
    assert_int_equal(left->age_ms, right->age_ms);
}

static void assert_contents_equal(const struct zone_contents *left, const struct zone_contents *right)
{
    assert_int_equal(left->is_known, right->is_known);
    assert_int_equal(left->entries, right->entries);
    assert_int_equal(left->expired, right->expired);
    assert_int_equal(left->tree_height, right->tree_height);
    assert_memory_equal(left->by_type, right->by_type, sizeof(left->by_type));
    assert_memory_equal(&left->sizes, &right->sizes, sizeof(left->sizes));
    assert_memory_equal(&left->never, &right->never, sizeof(left->never));
    assert_memory_equal(left->by_ttl, right->by_ttl, sizeof(left->by_ttl));
    assert_int_equal(left->list_items, right->list_items);
    assert_int_equal(left->list_item_bytes, right->list_item_bytes);
    assert_int_equal(left->key_overhead, right->key_overhead);
    assert_int_equal(left->largest_value, right->largest_value);
    assert_int_equal(left->pages_if_expired_went, right->pages_if_expired_went);
    assert_int_equal(left->disk_blocks, right->disk_blocks);
    assert_int_equal(left->has_ends, right->has_ends);
    assert_int_equal(left->largest_count, right->largest_count);
    if (left->has_ends) {
        assert_entries_equal(&left->newest, &right->newest);
        assert_entries_equal(&left->oldest, &right->oldest);
    }
    for (size_t i = 0; i < left->largest_count; i++)
        assert_entries_equal(&left->largest[i], &right->largest[i]);
}

static void assert_slabs_equal(const struct slab_account *left, const struct slab_account *right)
{
    assert_memory_equal(&left->pages, &right->pages, sizeof(left->pages));
    assert_int_equal(left->size_count, right->size_count);
    for (size_t i = 0; i < left->size_count; i++) {
        const struct slab_size *a = &left->sizes[i], *b = &right->sizes[i];
        assert_int_equal(a->slab_bytes, b->slab_bytes);
        assert_memory_equal(&a->pages, &b->pages, sizeof(*a) - offsetof(struct slab_size, pages));
    }
    assert_int_equal(left->page_bytes, right->page_bytes);
    assert_int_equal(left->header_bytes, right->header_bytes);
    assert_int_equal(left->largest_allocation, right->largest_allocation);
}

static void assert_zones_equal(const struct shared_zone *left, const struct shared_zone *right)
{
    assert_string_equal(left->name, right->name);
    assert_string_equal(left->module, right->module);
    assert_int_equal(left->kind, right->kind);
    assert_memory_equal(&left->range, &right->range, sizeof(left->range));
    assert_int_equal(left->size_bytes, right->size_bytes);
    assert_int_equal(left->has_residency, right->has_residency);
    assert_int_equal(left->loaded_bytes, right->loaded_bytes);
    assert_int_equal(left->own_bytes, right->own_bytes);
    assert_int_equal(left->swapped_bytes, right->swapped_bytes);
    assert_memory_equal(&left->lineage, &right->lineage, sizeof(left->lineage));
    assert_int_equal(left->damage != NULL, right->damage != NULL);
    if (left->damage)
        assert_string_equal(error_text(left->damage), error_text(right->damage));
    assert_int_equal(left->has_slabs, right->has_slabs);
    assert_slabs_equal(&left->slabs, &right->slabs);
    assert_contents_equal(&left->contents, &right->contents);
    assert_int_equal(left->attempts, right->attempts);
    assert_int_equal(left->changes, right->changes);
    assert_int_equal(left->checks.count, right->checks.count);
}

void zones_model_assert_equal(const struct shared_zones *left, const struct shared_zones *right)
{
    assert_int_equal(left->count, right->count);
    for (size_t i = 0; i < left->count; i++)
        assert_zones_equal(&left->items[i], &right->items[i]);
    const struct zone_forecast *a = &left->forecast, *b = &right->forecast;
    assert_int_equal(a->rss_bytes, b->rss_bytes);
    assert_int_equal(a->zones_rss_bytes, b->zones_rss_bytes);
    assert_int_equal(a->rss_grows_by, b->rss_grows_by);
    assert_int_equal(a->memory_needed, b->memory_needed);
    assert_int_equal(a->has_limit, b->has_limit);
    assert_int_equal(a->limit_bytes, b->limit_bytes);
    assert_int_equal(a->limit_used_bytes, b->limit_used_bytes);
    assert_string_equal(a->limit_name, b->limit_name);
    assert_int_equal(a->available_bytes, b->available_bytes);
    assert_int_equal(a->fits, b->fits);
}
