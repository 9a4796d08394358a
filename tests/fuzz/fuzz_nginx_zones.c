/*
 * A shared memory zone made by hand, damaged: no crash, no hang, no look at a page that is not in memory, and no books
 * that pass their checks while they contradict themselves.
 *
 * In its slab pool are slabs of every size, pages that are full, sparse and whole, and free runs. An input is a list of
 * patches of 8 bytes:
 *
 *     u8 mode, u8 part, u16 value, u32 place
 *
 * Of two patches one is for the books, the other for any page.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "damage.h"
#include "fake_zone.h"
#include "walk/slab_pool.h"

enum {
    ZONE_BYTES = (160 << 10) + 100,
    WORD_BYTES = 8,
    BLOCKS = 6, /* of each size */
    PAGES_MAX = 64,
};

static struct fake_zone zone;
static uint64_t loaded[PAGES_MAX / 64 + 1]; /* before damage */
static uint64_t book_words, words;
static struct damage damage;

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void fill(void)
{
    uint64_t pages = fake_zone_alloc(&zone, 3 * FAKE_PAGE_BYTES), page = fake_zone_alloc(&zone, FAKE_PAGE_BYTES);
    for (uint64_t bytes = 8; bytes < FAKE_PAGE_BYTES; bytes *= 2) {
        uint64_t first = fake_zone_alloc(&zone, bytes);
        for (unsigned i = 1; i < BLOCKS; i++)
            fake_zone_alloc(&zone, bytes);
        fake_zone_free(&zone, first);
    }
    fake_zone_alloc(&zone, 2 * FAKE_PAGE_BYTES);
    fake_zone_free(&zone, page);
    fake_zone_at(&zone, pages);
}

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    (void)count;
    (void)arguments;
    fake_zone_start(&zone, ZONE_BYTES);
    fill();
    if (zone.image.page_count > PAGES_MAX)
        abort();
    memcpy(loaded, zone.image.loaded, (zone.image.page_count / 64 + 1) * sizeof(uint64_t));
    book_words = (fake_zone_entry(&zone, zone.image.page_count) - FAKE_ZONE) / WORD_BYTES;
    words = zone.image.page_count * FAKE_PAGE_BYTES / WORD_BYTES;
    return 0;
}

static uint64_t place_of(uint64_t number, bool is_of_books)
{
    return FAKE_ZONE + number % (is_of_books ? book_words : words) * WORD_BYTES;
}

static void apply(struct patch patch)
{
    uint64_t place = place_of(patch.place, patch.choice & 1);
    unsigned char *word = zone.memory + (place - FAKE_ZONE);
    if (patch.operation % 8 == 7) {
        fake_zone_unload(&zone, place);
        return;
    }
    uint64_t value = damage_note(&damage, word);
    switch (patch.operation % 8) {
    case 0:
        value ^= (uint64_t)1 << patch.small % 64;
        break;
    case 1:
        value = patch.small;
        break;
    case 2:
        value = place; /* a pointer to itself: a cycle */
        break;
    case 3:
        value = place_of(patch_elsewhere(patch) + patch.small, patch.choice & 2);
        break;
    case 4:
        value += (uint64_t)(int64_t)(int16_t)patch.small;
        break;
    case 5:
        value = value >> 2 << 2 | patch.small % 4; /* another type of page */
        break;
    default:
        value = UINT64_MAX - patch.small;
        break;
    }
    memcpy(word, &value, sizeof(value));
}

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* Each page is one of a kind, and each page of slabs has as many as fit. */
static void check(const struct slab_pool *pool, const struct slab_account *slabs)
{
    const struct slab_pages *pages = &slabs->pages;
    uint64_t of_slabs = 0;
    require(pages->free + pages->small + pages->exact + pages->big + pages->whole == pages->total);
    require(pages->largest_free_run <= pages->free && pages->free_loaded <= pages->free);
    require(slabs->header_bytes + pages->total * slabs->page_bytes <= zone.size_bytes);
    for (size_t i = 0; i < slabs->size_count; i++) {
        const struct slab_size *size = &slabs->sizes[i];
        of_slabs += size->pages;
        require((size->used + size->free + size->bitmap_slabs) * size->slab_bytes == size->pages * slabs->page_bytes);
        require(size->sparse_pages <= size->pages && size->sparse_used <= size->used);
    }
    require(of_slabs == pages->small + pages->exact + pages->big);
    for (uint64_t i = 0; i < pool->page_count; i++)
        require(pool->pages[i].run <= pool->page_count - i);
    require(slab_pool_changes(&zone.image, pool) <= 1); /* the lock may be damaged */
}

/* A page that is not loaded must not be read: that would load it. */
static void forbid_unloaded_pages(int rights)
{
    for (uint64_t i = 0; i < zone.image.page_count; i++)
        if (!shared_page_is_loaded(&zone.image, i))
            mprotect(zone.memory + i * FAKE_PAGE_BYTES, FAKE_PAGE_BYTES, rights);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct slab_pool pool;
    struct slab_account slabs;
    struct checks checks = {0};
    for (size_t i = 0; i < patch_count(count); i++)
        apply(patch_at(bytes, i));
    forbid_unloaded_pages(PROT_NONE);
    struct error *error = slab_pool_read(&zone.image, zone.size_bytes, &pool, &slabs, &checks);
    if (!error)
        check(&pool, &slabs);
    error_free(error);
    slab_pool_free(&pool);
    forbid_unloaded_pages(PROT_READ | PROT_WRITE);
    damage_undo(&damage);
    memcpy(zone.image.loaded, loaded, (zone.image.page_count / 64 + 1) * sizeof(uint64_t));
    return 0;
}
