/* The books of a slab pool: one made by hand is told to the slab, and every kind of damage is noticed. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "fake_zone.h"
#include "layouts/nginx_slab.h"
#include "walk/slab_pool.h"

enum {
    KIB = 1024,
    MIB = 1024 * KIB,
    SLOT_8 = 0,
    SLOT_64 = 3,
    SLOT_128,
    SLOT_2048 = FAKE_SIZES - 1,
};

struct fixture {
    struct fake_zone zone;
    struct slab_pool pool;
    struct slab_account slabs;
    struct checks checks;
};

static struct error *read_zone(struct fixture *f)
{
    slab_pool_free(&f->pool);
    f->checks = (struct checks){0};
    return slab_pool_read(&f->zone.image, f->zone.size_bytes, &f->pool, &f->slabs, &f->checks);
}

static void start(struct fixture *f, uint64_t size_bytes)
{
    memset(f, 0, sizeof(*f));
    fake_zone_start(&f->zone, size_bytes);
}

static void end(struct fixture *f)
{
    slab_pool_free(&f->pool);
    fake_zone_end(&f->zone);
}

static void assert_told(struct fixture *f)
{
    assert_null(read_zone(f));
    assert_null(checks_first_failed(&f->checks));
}

static void assert_refused(struct fixture *f, const char *reason)
{
    struct error *error = read_zone(f);
    assert_non_null(error);
    assert_int_equal(error_kind(error), ERROR_NOT_UNDERSTOOD);
    assert_string_equal(error_text(error), reason);
    error_free(error);
}

/* Only the equation of that name does not hold. */
static void assert_noticed(struct fixture *f, const char *name)
{
    assert_null(read_zone(f));
    for (size_t i = 0; i < f->checks.count; i++)
        assert_int_equal(f->checks.items[i].ok, strcmp(f->checks.items[i].name, name) != 0);
    assert_non_null(checks_first_failed(&f->checks));
}

static uint64_t alloc(struct fixture *f, uint64_t bytes)
{
    uint64_t at = fake_zone_alloc(&f->zone, bytes);
    assert_true(at != 0);
    return at;
}

/* Address of the entry, and then of the words in it, of the page that `at` is on. */
static uint64_t word_of(const struct fixture *f, uint64_t at)
{
    return fake_zone_entry(&f->zone, fake_zone_page_of(&f->zone, at)) + NGINX_SLAB_ENTRY_WORD;
}

static uint64_t next_of(const struct fixture *f, uint64_t at)
{
    return word_of(f, at) + NGINX_SLAB_ENTRY_NEXT;
}

static void add(struct fixture *f, uint64_t at, uint64_t by)
{
    fake_zone_put(&f->zone, at, fake_zone_get(&f->zone, at) + by);
}

static void an_empty_pool_is_one_run_of_untouched_pages(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 100 * MIB);
    fake_zone_put(&f.zone, FAKE_ZONE + NGINX_SLAB_DATA, FAKE_ZONE + 0x1000);
    assert_told(&f);
    /* (100 MiB - 704) / (4096 + 24) pages; their entries end in the 149th page. */
    assert_int_equal(f.pool.page_count, 25450);
    assert_int_equal(f.slabs.pages.total, 25450);
    assert_int_equal(f.slabs.pages.free, 25450);
    assert_int_equal(f.slabs.pages.free_runs, 1);
    assert_int_equal(f.slabs.pages.largest_free_run, 25450);
    assert_int_equal(f.slabs.pages.free_loaded, 0);
    assert_int_equal(f.slabs.header_bytes, 150 * 4096);
    assert_int_equal(f.slabs.largest_allocation, UINT64_C(25450) * 4096);
    assert_int_equal(f.pool.data.value, FAKE_ZONE + 0x1000);
    assert_int_equal(f.slabs.size_count, FAKE_SIZES);
    for (unsigned slot = 0; slot < FAKE_SIZES; slot++) {
        assert_int_equal(f.slabs.sizes[slot].slab_bytes, 8 << slot);
        assert_int_equal(f.slabs.sizes[slot].pages, 0);
    }
    end(&f);
}

/* What a lua_shared_dict allocates when it is made: 80 bytes, and 27 with its name's. */
static void an_empty_dict_uses_two_slabs_and_one_for_their_bitmap(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 100 * MIB);
    alloc(&f, 80);
    alloc(&f, 27 + 5);
    assert_told(&f);
    uint64_t used = 0, bitmap = 0, free_slabs = 0;
    for (unsigned slot = 0; slot < FAKE_SIZES; slot++) {
        used += f.slabs.sizes[slot].used;
        bitmap += f.slabs.sizes[slot].bitmap_slabs;
        free_slabs += f.slabs.sizes[slot].free;
    }
    assert_int_equal(used + bitmap, 3);
    assert_int_equal(bitmap, 1);
    assert_int_equal(free_slabs, 157);
    end(&f);
}

static void each_size_of_slab_is_counted(void **state)
{
    (void)state;
    /* Of a page: slabs, those that hold the bitmap, and at most how many are used of a sparse one. */
    static const struct {
        unsigned slabs, own, sparse;
        enum slab_page_kind kind;
    } rows[FAKE_SIZES] = {
        {512, 8, 126, SLAB_PAGE_SMALL}, {256, 2, 63, SLAB_PAGE_SMALL}, {128, 1, 31, SLAB_PAGE_SMALL},
        {64, 0, 16, SLAB_PAGE_EXACT},   {32, 0, 8, SLAB_PAGE_BIG},     {16, 0, 4, SLAB_PAGE_BIG},
        {8, 0, 2, SLAB_PAGE_BIG},       {4, 0, 1, SLAB_PAGE_BIG},      {2, 0, 0, SLAB_PAGE_BIG},
    };
    for (unsigned slot = 0; slot < FAKE_SIZES; slot++) {
        struct fixture f;
        start(&f, MIB);
        for (unsigned used = 1, all = rows[slot].slabs - rows[slot].own; used <= all; used++) {
            uint64_t at = alloc(&f, UINT64_C(8) << slot);
            assert_told(&f);
            const struct slab_size *size = &f.slabs.sizes[slot];
            const struct slab_page *page = &f.pool.pages[slab_pool_page(&f.pool, address(at))];
            assert_int_equal(size->pages, 1);
            assert_int_equal(size->used, used);
            assert_int_equal(size->free, all - used);
            assert_int_equal(size->bitmap_slabs, rows[slot].own);
            assert_int_equal(size->requests, used);
            assert_int_equal(size->sparse_pages, used <= rows[slot].sparse);
            assert_int_equal(size->sparse_used, used <= rows[slot].sparse ? used : 0);
            assert_int_equal(page->kind, rows[slot].kind);
            assert_int_equal(page->shift, slot + FAKE_SHIFT_MIN);
            assert_int_equal(page->used, used);
        }
        alloc(&f, UINT64_C(8) << slot);
        assert_told(&f);
        assert_int_equal(f.slabs.sizes[slot].pages, 2);
        end(&f);
    }
}

static void pages_are_given_out_whole_and_come_back_joined(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, MIB);
    uint64_t first = alloc(&f, 3 * 4096 - 5), second = alloc(&f, 2049), third = alloc(&f, 8192);
    memset(fake_zone_at(&f.zone, first), 1, 1);
    assert_told(&f);
    assert_int_equal(f.slabs.pages.whole, 6);
    assert_int_equal(f.slabs.pages.whole_allocations, 3);
    assert_int_equal(f.pool.pages[0].kind, SLAB_PAGE_WHOLE);
    assert_int_equal(f.pool.pages[0].run, 3);
    assert_int_equal(f.pool.pages[2].kind, SLAB_PAGE_CONTINUED);
    assert_int_equal(f.pool.pages[6].kind, SLAB_PAGE_FREE);
    assert_int_equal(f.pool.pages[6].run, f.pool.page_count - 6);
    fake_zone_free(&f.zone, first);
    fake_zone_free(&f.zone, third);
    assert_told(&f);
    assert_int_equal(f.slabs.pages.free_runs, 2);
    assert_int_equal(f.slabs.pages.free_loaded, 1);
    assert_int_equal(f.slabs.pages.largest_free_run, f.pool.page_count - 4);
    assert_int_equal(f.slabs.largest_allocation, (f.pool.page_count - 4) * 4096);
    fake_zone_free(&f.zone, second);
    assert_told(&f);
    assert_int_equal(f.slabs.pages.free_runs, 1);
    assert_int_equal(f.slabs.pages.free, f.pool.page_count);
    end(&f);
}

static void a_full_pool_has_room_for_what_free_slabs_hold_alone(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 64 * KIB);
    alloc(&f, 100);
    while (fake_zone_alloc(&f.zone, 2048))
        continue;
    assert_told(&f);
    assert_int_equal(f.slabs.pages.free, 0);
    assert_int_equal(f.slabs.sizes[SLOT_2048].failures, 1);
    assert_int_equal(f.slabs.largest_allocation, 128);
    end(&f);
}

/* Each page: 704 bytes of books, an entry of 24 bytes for each page, and what is left over. */
static void sizes_that_are_no_whole_pages_are_laid_out_as_nginx_does(void **state)
{
    (void)state;
    for (uint64_t bytes = 8192; bytes < 2 * MIB; bytes += bytes < 24 * KIB ? 1 : 4093) {
        struct fixture f;
        start(&f, bytes);
        assert_told(&f);
        assert_in_range(f.slabs.header_bytes + f.pool.page_count * 4096, bytes - 8191, bytes);
        end(&f);
    }
}

/* What a test has of the pool, kept beside it. */
struct block {
    uint64_t at, bytes;
};

static unsigned slot_of(uint64_t bytes)
{
    unsigned slot = 0;
    while (UINT64_C(8) << slot < bytes)
        slot++;
    return slot;
}

static void assert_as_kept(const struct fixture *f, const struct block *blocks, size_t count)
{
    uint64_t used[FAKE_SIZES] = {0}, whole = 0, allocations = 0;
    for (size_t i = 0; i < count; i++) {
        if (blocks[i].bytes > 2048) {
            whole += (blocks[i].bytes + 4095) / 4096;
            allocations++;
        } else if (blocks[i].at) {
            used[slot_of(blocks[i].bytes)]++;
        }
    }
    for (unsigned slot = 0; slot < FAKE_SIZES; slot++)
        assert_int_equal(f->slabs.sizes[slot].used, used[slot]);
    const struct slab_pages *pages = &f->slabs.pages;
    assert_int_equal(pages->whole, whole);
    assert_int_equal(pages->whole_allocations, allocations);
    assert_int_equal(pages->free + pages->small + pages->exact + pages->big + whole, pages->total);
}

static void whatever_is_given_out_and_taken_back_is_told(void **state)
{
    (void)state;
    enum { BLOCKS = 600, STEPS = 20000, LOOK_EACH = 16 };
    struct block blocks[BLOCKS] = {{0}};
    struct fixture f;
    uint64_t random = 1;
    start(&f, MIB + 1234);
    for (unsigned step = 0; step < STEPS; step++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        struct block *block = &blocks[(random >> 33) % BLOCKS];
        if (block->at) {
            fake_zone_free(&f.zone, block->at);
            *block = (struct block){0};
        } else {
            uint64_t bytes = 1 + (random >> 12) % (UINT64_C(8) << (random >> 55) % 11);
            uint64_t at = fake_zone_alloc(&f.zone, bytes);
            *block = at ? (struct block){at, bytes} : (struct block){0};
        }
        if (step % LOOK_EACH == 0) {
            assert_told(&f);
            assert_as_kept(&f, blocks, BLOCKS);
        }
    }
    end(&f);
}

static void addresses_are_found_on_their_pages(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 64 * KIB);
    assert_told(&f);
    uint64_t first = fake_zone_page(&f.zone, 0), behind = fake_zone_page(&f.zone, f.pool.page_count);
    assert_int_equal(slab_pool_page(&f.pool, address(first)), 0);
    assert_int_equal(slab_pool_page(&f.pool, address(first + 4095)), 0);
    assert_int_equal(slab_pool_page(&f.pool, address(behind - 1)), f.pool.page_count - 1);
    assert_int_equal(slab_pool_page(&f.pool, address(behind)), f.pool.page_count);
    assert_int_equal(slab_pool_page(&f.pool, address(first - 1)), f.pool.page_count);
    assert_int_equal(slab_pool_page(&f.pool, address(0)), f.pool.page_count);
    end(&f);
}

/* Words of the head that make it another zone's pool, or none: each is changed by itself. */
static void what_is_no_pool_of_the_zone_is_refused(void **state)
{
    (void)state;
    static const struct {
        unsigned field;
        uint64_t value;
        const char *reason;
    } rows[] = {
        {NGINX_SLAB_MIN_SHIFT, 0, "no slab pool starts it"},
        {NGINX_SLAB_MIN_SHIFT, 7, "no slab pool starts it"},
        {NGINX_SLAB_MIN_SHIFT, UINT64_MAX, "no slab pool starts it"},
        {NGINX_SLAB_MIN_SIZE, 16, "no slab pool starts it"},
        {NGINX_SLAB_END, FAKE_ZONE + 64 * KIB - 1, "no slab pool starts it"},
        {NGINX_SLAB_PAGES, FAKE_ZONE + 696, "its slab pool is laid out in a way that is not known"},
        {NGINX_SLAB_START, FAKE_ZONE + 8192, "its slab pool is laid out in a way that is not known"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        start(&f, 64 * KIB);
        fake_zone_put(&f.zone, FAKE_ZONE + rows[i].field, rows[i].value);
        assert_refused(&f, rows[i].reason);
        end(&f);
    }
    struct fixture f;
    start(&f, 64 * KIB);
    f.zone.size_bytes += 4096;
    fake_zone_put(&f.zone, FAKE_ZONE + NGINX_SLAB_END, FAKE_ZONE + f.zone.size_bytes);
    assert_refused(&f, "no slab pool starts it");
    end(&f);
}

/* nginx gives all zones 8 bytes as the smallest slab: no page may be taken for one of a list that is not there. */
static void another_smallest_slab_is_refused(void **state)
{
    (void)state;
    for (uint64_t shift = 0; shift < 12; shift++) {
        struct fixture f;
        uint64_t sizes = 12 - shift, entries = FAKE_ZONE + NGINX_SLAB_POOL_BYTES
            + sizes * (NGINX_SLAB_ENTRY_BYTES + NGINX_SLAB_STATISTICS_BYTES);
        if (shift == FAKE_SHIFT_MIN)
            continue;
        start(&f, 64 * KIB);
        fake_zone_put(&f.zone, FAKE_ZONE + NGINX_SLAB_MIN_SHIFT, shift);
        fake_zone_put(&f.zone, FAKE_ZONE + NGINX_SLAB_MIN_SIZE, UINT64_C(1) << shift);
        fake_zone_put(&f.zone, FAKE_ZONE + NGINX_SLAB_PAGES, entries);
        fake_zone_put(&f.zone, entries + NGINX_SLAB_ENTRY_PREVIOUS, NGINX_SLAB_EXACT);
        assert_refused(&f, "no slab pool starts it");
        end(&f);
    }
}

static void books_that_are_not_in_memory_are_missed(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, MIB);
    uint64_t small = alloc(&f, 8), exact = alloc(&f, 64);
    fake_zone_unload(&f.zone, exact);
    assert_told(&f);
    fake_zone_unload(&f.zone, small);
    assert_refused(&f, "a page's bitmap is not to be read");
    fake_zone_unload(&f.zone, FAKE_ZONE + 4096);
    assert_refused(&f, "not all books of its pages are in memory");
    fake_zone_unload(&f.zone, FAKE_ZONE);
    assert_refused(&f, "the pool's head is not in memory");
    end(&f);
}

/* A change of one word of a pool in which pages of every kind are. */
struct torn {
    uint64_t at, value;
    const char *reason;
};

static void torn_pages_are_refused(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, MIB);
    uint64_t small = alloc(&f, 8) & ~(uint64_t)4095, big = alloc(&f, 2048), whole = alloc(&f, 3 * 4096);
    uint64_t last = alloc(&f, 4096), pages = f.zone.image.page_count;
    const char *const size = "a page has slabs of no known size", *const run = "a run of pages ends before it should";
    const char *const none = "pages are marked as belonging to no run of pages";
    const struct torn rows[] = {
        {word_of(&f, small), 2, size},
        {word_of(&f, small), 6, size},
        {word_of(&f, big), 12, size},
        {word_of(&f, big), UINT64_C(1) << 32 | 6, size},
        {word_of(&f, big), UINT64_C(7) << 32 | 11, "a page has more slabs than fit into it"},
        {small, 0, "a page's bitmap is not to be read"},
        {word_of(&f, whole), NGINX_SLAB_RUN_START, none},
        {word_of(&f, whole), NGINX_SLAB_RUN_START | pages, none},
        {word_of(&f, whole), NGINX_SLAB_RUN_START | UINT64_C(1) << 62, none},
        {word_of(&f, whole), NGINX_SLAB_RUN_START | 4, run},
        {word_of(&f, whole), NGINX_SLAB_RUN_START | 2, none},
        {word_of(&f, whole), 3, run},
        {word_of(&f, whole), 0, none},
        {word_of(&f, whole + 4096), 0, run},
        {word_of(&f, whole + 4096) + NGINX_SLAB_ENTRY_PREVIOUS, NGINX_SLAB_EXACT, run},
        {word_of(&f, last + 4096), 0, none},
        {word_of(&f, last + 4096), 1, none},
        {word_of(&f, last + 8192), 1, run},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t before = fake_zone_get(&f.zone, rows[i].at);
        fake_zone_put(&f.zone, rows[i].at, rows[i].value);
        assert_refused(&f, rows[i].reason);
        fake_zone_put(&f.zone, rows[i].at, before);
    }
    assert_told(&f);
    end(&f);
}

static void wrong_counts_fail_the_equation_they_are_in(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, MIB);
    alloc(&f, 64);
    uint64_t exact = alloc(&f, 64), big = alloc(&f, 128);
    const uint64_t free_list = FAKE_ZONE + NGINX_SLAB_FREE;
    const struct torn rows[] = {
        {FAKE_ZONE + NGINX_SLAB_LAST, f.zone.entries, "bytes of entries of pages = as many as fit"},
        {fake_zone_statistics(SLOT_64) + NGINX_SLAB_TOTAL, 63, "slabs on pages = in nginx's statistics"},
        {FAKE_ZONE + NGINX_SLAB_FREE_PAGES, 1, "pages of free runs = nginx's count"},
        {free_list + NGINX_SLAB_ENTRY_NEXT, free_list, "pages of free runs = on the list of free runs"},
        {free_list + NGINX_SLAB_ENTRY_NEXT, 8, "pages of free runs = on the list of free runs"},
        {fake_zone_slot(SLOT_64) + NGINX_SLAB_ENTRY_NEXT, 0, "pages with room = on the lists of their sizes"},
        {fake_zone_slot(SLOT_64) + NGINX_SLAB_ENTRY_NEXT, word_of(&f, big) + 8,
            "pages with room = on the lists of their sizes"},
        {next_of(&f, exact), word_of(&f, exact), "pages with room = on the lists of their sizes"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t before = fake_zone_get(&f.zone, rows[i].at);
        fake_zone_put(&f.zone, rows[i].at, rows[i].value);
        assert_noticed(&f, rows[i].reason);
        fake_zone_put(&f.zone, rows[i].at, before);
    }
    /* One slab more of one size and one less of another: only their bytes tell. */
    add(&f, fake_zone_statistics(SLOT_64) + NGINX_SLAB_USED, (uint64_t)-1);
    add(&f, fake_zone_statistics(SLOT_128) + NGINX_SLAB_USED, 1);
    assert_noticed(&f, "bytes of slabs used, by bitmaps = by nginx's statistics");
    add(&f, fake_zone_statistics(SLOT_64) + NGINX_SLAB_USED, 1);
    add(&f, fake_zone_statistics(SLOT_128) + NGINX_SLAB_USED, (uint64_t)-1);
    assert_told(&f);
    end(&f);
}

static void changes_are_counted_by_slabs_and_pages(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 64 * KIB);
    uint64_t kept = alloc(&f, 64), other = alloc(&f, 64);
    assert_told(&f);
    assert_int_equal(slab_pool_changes(&f.zone.image, &f.pool), 0);
    alloc(&f, 64);
    assert_int_equal(slab_pool_changes(&f.zone.image, &f.pool), 1);
    fake_zone_free(&f.zone, kept);
    fake_zone_free(&f.zone, other);
    assert_int_equal(slab_pool_changes(&f.zone.image, &f.pool), 3);
    assert_told(&f);
    uint64_t pages = alloc(&f, 3 * 4096);
    assert_int_equal(slab_pool_changes(&f.zone.image, &f.pool), 3);
    assert_told(&f);
    fake_zone_free(&f.zone, pages);
    assert_int_equal(slab_pool_changes(&f.zone.image, &f.pool), 3);
    while (fake_zone_alloc(&f.zone, 2048))
        continue;
    assert_told(&f);
    assert_int_equal(fake_zone_alloc(&f.zone, 2048), 0);
    assert_int_equal(slab_pool_changes(&f.zone.image, &f.pool), 0);
    fake_zone_put(&f.zone, FAKE_ZONE + NGINX_SLAB_LOCK, 1);
    assert_int_equal(slab_pool_changes(&f.zone.image, &f.pool), 1);
    end(&f);
}

/* Counters are read one by one while nginx writes them: what is torn between two of them is no huge number. */
static void counters_torn_apart_are_no_huge_number(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 64 * KIB);
    alloc(&f, 64);
    assert_told(&f);
    add(&f, fake_zone_statistics(SLOT_64) + NGINX_SLAB_USED, 1);
    assert_int_equal(slab_pool_changes(&f.zone.image, &f.pool), 1);
    add(&f, fake_zone_statistics(SLOT_64) + NGINX_SLAB_USED, (uint64_t)-1);
    add(&f, fake_zone_statistics(SLOT_64) + NGINX_SLAB_FAILURES, 1);
    assert_in_range(slab_pool_changes(&f.zone.image, &f.pool), 1, 2);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_pool_is_one_run_of_untouched_pages),
        cmocka_unit_test(an_empty_dict_uses_two_slabs_and_one_for_their_bitmap),
        cmocka_unit_test(each_size_of_slab_is_counted),
        cmocka_unit_test(pages_are_given_out_whole_and_come_back_joined),
        cmocka_unit_test(a_full_pool_has_room_for_what_free_slabs_hold_alone),
        cmocka_unit_test(sizes_that_are_no_whole_pages_are_laid_out_as_nginx_does),
        cmocka_unit_test(whatever_is_given_out_and_taken_back_is_told),
        cmocka_unit_test(addresses_are_found_on_their_pages),
        cmocka_unit_test(what_is_no_pool_of_the_zone_is_refused),
        cmocka_unit_test(another_smallest_slab_is_refused),
        cmocka_unit_test(books_that_are_not_in_memory_are_missed),
        cmocka_unit_test(torn_pages_are_refused),
        cmocka_unit_test(wrong_counts_fail_the_equation_they_are_in),
        cmocka_unit_test(changes_are_counted_by_slabs_and_pages),
        cmocka_unit_test(counters_torn_apart_are_no_huge_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
