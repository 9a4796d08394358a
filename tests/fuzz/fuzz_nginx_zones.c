/*
 * Shared memory zones made by hand, damaged: no crash, no hang, no look at a page that is not in memory, and no zone
 * that passes its checks while what is told of it contradicts itself.
 *
 * There is a slab pool with slabs of every size, with pages that are full, sparse and whole, and with free runs; a
 * lua_shared_dict with values of every type; a zone by each row of the others that have entries; and upstreams. An
 * input is a list of patches of 8 bytes:
 *
 *     u8 mode, u8 part, u16 value, u32 place
 *
 * Of two patches one is for the books, the other for any page; the first one's value tells which zone all are for.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "damage.h"
#include "fake_contents.h"
#include "layouts/nginx_slab.h"
#include "walk/zone_contents.h"

enum {
    ZONE_BYTES = (160 << 10) + 100,
    WORD_BYTES = 8,
    BLOCKS = 6, /* of each size */
    PAGES_MAX = 63, /* whether they are loaded is then one word */
    ENTRIES = 120,
    NOW_MS = 1000000,
    LARGEST = 5,
    SCENES_MAX = 16,
};

struct scene {
    enum zone_kind kind;
    struct fake_zone zone;
    uint64_t loaded; /* before damage */
    uint64_t book_words, words;
};

static struct scene scenes[SCENES_MAX], *scene;
static unsigned scene_count;
static struct damage damage;

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void fill_with_slabs(struct fake_zone *zone)
{
    uint64_t pages = fake_zone_alloc(zone, 3 * FAKE_PAGE_BYTES), page = fake_zone_alloc(zone, FAKE_PAGE_BYTES);
    for (uint64_t bytes = 8; bytes < FAKE_PAGE_BYTES; bytes *= 2) {
        uint64_t first = fake_zone_alloc(zone, bytes);
        for (unsigned i = 1; i < BLOCKS; i++)
            fake_zone_alloc(zone, bytes);
        fake_zone_free(zone, first);
    }
    fake_zone_alloc(zone, 2 * FAKE_PAGE_BYTES);
    fake_zone_free(zone, page);
    fake_zone_at(zone, pages);
}

static void fill_with_entries(struct fake_zone *zone)
{
    static const unsigned types[] = {
        NGINX_DICT_STRING, NGINX_DICT_LIST, NGINX_DICT_NUMBER, NGINX_DICT_STRING, NGINX_DICT_BOOLEAN,
    };
    static const uint64_t bytes[] = {40, 0, NGINX_DICT_NUMBER_BYTES, 300, NGINX_DICT_BOOLEAN_BYTES};
    static const uint64_t expires_ms[] = {0, NOW_MS - 1, NOW_MS + 100000};
    uint64_t record = fake_dict(zone, "dogs");
    for (unsigned i = 0; i < ENTRIES; i++) {
        uint64_t node = fake_dict_add(zone, record, &(struct fake_entry){
            .key = (i + 1) * UINT64_C(0x9e3779b97f4a7c15), .key_bytes = 3 + i % 30,
            .value_bytes = i % 50 == 3 ? 5000 : bytes[i % 5], .type = types[i % 5], .expires_ms = expires_ms[i % 3],
        });
        for (unsigned item = 0; i % 5 == 1 && item < 3; item++)
            fake_dict_push(zone, node, 10 + item * 50);
    }
}

static void fill_by_row(struct fake_zone *zone, const struct nginx_zone_row *row)
{
    uint64_t record = fake_record(zone, row, "one");
    for (unsigned i = 0; i < ENTRIES; i++)
        fake_row_add(zone, row, record, &(struct fake_row_entry){
            .key = (i + 1) * UINT64_C(0x9e3779b97f4a7c15), .key_bytes = 4 + i % 28, .last_ms = NOW_MS - i,
            .expires_s = NOW_MS / 1000 + i - ENTRIES / 2, .other_bytes = 20 + i % 700,
        });
}

static void fill_with_peers(struct fake_zone *zone, const struct nginx_peers_row *row)
{
    uint64_t first = fake_peers(zone, row, "backend", 3), backup = fake_peers(zone, row, "backend", 1);
    uint64_t second = fake_peers(zone, row, "other", 2);
    fake_zone_put(zone, first + row->backup, backup);
    fake_zone_put(zone, first + row->next_group, second);
    fake_zone_put(zone, FAKE_ZONE + NGINX_SLAB_DATA, first);
}

static struct fake_zone *begin_scene(enum zone_kind kind)
{
    if (scene_count == SCENES_MAX)
        abort();
    scenes[scene_count].kind = kind;
    fake_zone_start(&scenes[scene_count].zone, ZONE_BYTES);
    return &scenes[scene_count].zone;
}

static void end_scene(void)
{
    struct scene *made = &scenes[scene_count++];
    const struct shared_image *image = &made->zone.image;
    if (image->page_count > PAGES_MAX)
        abort();
    made->loaded = *image->loaded;
    made->book_words = (fake_zone_entry(&made->zone, image->page_count) - FAKE_ZONE) / WORD_BYTES;
    made->words = image->page_count * FAKE_PAGE_BYTES / WORD_BYTES;
}

static void add_rows(enum zone_kind kind, const struct nginx_zone_rows *rows)
{
    for (unsigned i = 0; i < rows->count; i++) {
        fill_by_row(begin_scene(kind), &rows->items[i]);
        end_scene();
    }
}

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    (void)count;
    (void)arguments;
    fill_with_slabs(begin_scene(ZONE_OTHER));
    end_scene();
    fill_with_entries(begin_scene(ZONE_LUA_DICT));
    end_scene();
    add_rows(ZONE_LIMIT_REQ, &nginx_limit_req_rows);
    add_rows(ZONE_LIMIT_CONN, &nginx_limit_conn_rows);
    add_rows(ZONE_CACHE, &nginx_cache_rows);
    add_rows(ZONE_SSL_SESSIONS, &nginx_ssl_session_rows);
    fill_with_peers(begin_scene(ZONE_UPSTREAM), nginx_peers_rows);
    end_scene();
    return 0;
}

static uint64_t place_of(uint64_t number, bool is_of_books)
{
    return FAKE_ZONE + number % (is_of_books ? scene->book_words : scene->words) * WORD_BYTES;
}

static void apply(struct patch patch)
{
    uint64_t place = place_of(patch.place, patch.choice & 1);
    unsigned char *word = scene->zone.memory + (place - FAKE_ZONE);
    if (patch.operation % 8 == 7) {
        fake_zone_unload(&scene->zone, place);
        return;
    }
    uint64_t value = damage_note(&damage, word);
    if (patch.operation % 8 == 5)
        value = value >> 2 << 2 | patch.small % 4; /* another type of page */
    else
        value = patch_value(patch, patch.operation % 8, value, place,
            place_of(patch_elsewhere(patch) + patch.small, patch.choice & 2));
    memcpy(word, &value, sizeof(value));
}

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* Each page is one of a kind, and each page of slabs has as many as fit. */
static void check_slabs(const struct slab_pool *pool, const struct slab_account *slabs)
{
    const struct slab_pages *pages = &slabs->pages;
    uint64_t of_slabs = 0;
    require(pages->free + pages->small + pages->exact + pages->big + pages->whole == pages->total);
    require(pages->largest_free_run <= pages->free && pages->free_loaded <= pages->free);
    require(slabs->header_bytes + pages->total * slabs->page_bytes <= scene->zone.size_bytes);
    for (size_t i = 0; i < slabs->size_count; i++) {
        const struct slab_size *size = &slabs->sizes[i];
        of_slabs += size->pages;
        require((size->used + size->free + size->bitmap_slabs) * size->slab_bytes == size->pages * slabs->page_bytes);
        require(size->sparse_pages <= size->pages && size->sparse_used <= size->used);
    }
    require(of_slabs == pages->small + pages->exact + pages->big);
    for (uint64_t i = 0; i < pool->page_count; i++)
        require(pool->pages[i].run <= pool->page_count - i);
    require(slab_pool_changes(&scene->zone.image, pool) <= 1); /* the lock may be damaged */
}

/* Each entry is of one type, and lives, has expired, or never does. */
static void check_contents(const struct shared_zone *zone)
{
    const struct zone_contents *contents = &zone->contents;
    uint64_t of_types = 0, of_bins = 0, by_time = contents->expired + contents->never.count;
    for (unsigned i = 0; i < DICT_VALUES; i++)
        of_types += contents->by_type[i].count;
    for (unsigned i = 0; i < HISTOGRAM_BINS; i++)
        of_bins += contents->sizes.bins[i].count;
    for (unsigned i = 0; i < TTL_ROWS; i++)
        by_time += contents->by_ttl[i].count;
    if (zone->kind == ZONE_LUA_DICT)
        require(of_types == contents->entries && of_bins == contents->entries && by_time == contents->entries);
    require(contents->tree_height <= contents->entries && contents->expired <= contents->entries);
    require(contents->largest_count <= LARGEST);
    require(contents->pages_if_expired_went <= zone->slabs.pages.total - zone->slabs.pages.free);
}

static void look(void)
{
    struct shared_zone zone = {.kind = scene->kind};
    struct slab_pool pool;
    const struct zone_reading reading = {
        .image = &scene->zone.image, .pool = &pool, .now_ms = NOW_MS, .monotonic_ms = NOW_MS, .show_strings = true,
        .largest_count = LARGEST,
    };
    struct error *error = slab_pool_read(&scene->zone.image, scene->zone.size_bytes, &pool, &zone.slabs, &zone.checks);
    if (!error) {
        check_slabs(&pool, &zone.slabs);
        error = zone_contents_read(&reading, &zone);
    }
    if (!error && !checks_first_failed(&zone.checks))
        check_contents(&zone);
    error_free(error);
    shared_zone_release(&zone);
    slab_pool_free(&pool);
}

/* A page that is not loaded must not be read: that would load it. */
static void allow_unloaded_pages(int rights)
{
    for (uint64_t i = 0; i < scene->zone.image.page_count; i++)
        if (!shared_page_is_loaded(&scene->zone.image, i))
            mprotect(scene->zone.memory + i * FAKE_PAGE_BYTES, FAKE_PAGE_BYTES, rights);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    scene = &scenes[patch_count(count) ? patch_at(bytes, 0).small % scene_count : 0];
    for (size_t i = 0; i < patch_count(count); i++)
        apply(patch_at(bytes, i));
    allow_unloaded_pages(PROT_NONE);
    look();
    allow_unloaded_pages(PROT_READ | PROT_WRITE);
    damage_undo(&damage);
    *scene->zone.image.loaded = scene->loaded;
    return 0;
}
