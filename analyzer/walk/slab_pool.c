#include "walk/slab_pool.h"

#include <stdlib.h>

#include "base/size.h"
#include "layouts/nginx_slab.h"
#include "target/memory_view.h"

enum {
    SHIFT_MIN = 3, /* of the smallest slabs, in all zones: ngx_init_zone_pool() */
    WORD_BYTES = 8,
    WORD_BITS = 64,
    SPARSE_SHARE = 4,
};

/* The books as they were copied. */
struct books {
    const struct shared_image *image;
    struct slab_pool *pool;
    struct slab_account *slabs;
    address_t at;                  /* of the pool */
    unsigned size_count;
    uint64_t entries_at;           /* address of the first page's entry */
    unsigned char *copy;           /* from the pool's start to behind the last entry; owned */
    uint64_t bytes;
    uint64_t listed_free;          /* pages on the list of free runs */
    uint64_t with_room, listed_with_room; /* pages of slabs */
};

static struct error *no_pool(const char *what)
{
    return error_new(ERROR_NOT_UNDERSTOOD, "%s", what);
}

static uint64_t pool_word(const struct books *books, unsigned offset)
{
    return field_u64(books->copy, offset);
}

static const unsigned char *statistics_of(const unsigned char *pool, unsigned size_count, unsigned slot)
{
    return pool + NGINX_SLAB_POOL_BYTES + size_count * NGINX_SLAB_ENTRY_BYTES + slot * NGINX_SLAB_STATISTICS_BYTES;
}

static const unsigned char *entry_of(const struct books *books, uint64_t page)
{
    return books->copy + (books->entries_at - books->at.value) + page * NGINX_SLAB_ENTRY_BYTES;
}

/* What nginx made of the zone's size: as many pages as fit with their entries, the first one aligned. */
static uint64_t pages_laid_out(const struct books *books, uint64_t start, uint64_t end)
{
    uint64_t page_bytes = books->image->page_bytes;
    uint64_t fitting = (end - books->entries_at) / (page_bytes + NGINX_SLAB_ENTRY_BYTES);
    return size_min(fitting, (end - start) / page_bytes);
}

static uint64_t start_laid_out(const struct books *books, uint64_t end)
{
    uint64_t page_bytes = books->image->page_bytes;
    uint64_t fitting = (end - books->entries_at) / (page_bytes + NGINX_SLAB_ENTRY_BYTES);
    return round_up(books->entries_at + fitting * NGINX_SLAB_ENTRY_BYTES, page_bytes);
}

static struct slab_counters read_counters(const unsigned char *pool, unsigned size_count)
{
    struct slab_counters counters = {
        .lock = field_u64(pool, NGINX_SLAB_LOCK), .free_pages = field_u64(pool, NGINX_SLAB_FREE_PAGES),
    };
    for (unsigned slot = 0; slot < size_count; slot++) {
        const unsigned char *statistics = statistics_of(pool, size_count, slot);
        counters.used += field_u64(statistics, NGINX_SLAB_USED);
        counters.requests += field_u64(statistics, NGINX_SLAB_REQUESTS);
        counters.failures += field_u64(statistics, NGINX_SLAB_FAILURES);
    }
    return counters;
}

/* Is it a pool of this zone, and where in it is what? */
static struct error *read_head(struct books *books, uint64_t size_bytes, struct checks *checks)
{
    const uint64_t page_bytes = books->image->page_bytes;
    const unsigned char *head = shared_bytes(books->image, books->at, NGINX_SLAB_POOL_BYTES);
    if (!head)
        return no_pool("the pool's head is not in memory");
    uint64_t end = field_u64(head, NGINX_SLAB_END);
    unsigned page_shift = (unsigned)__builtin_ctzll(page_bytes);
    if (field_u64(head, NGINX_SLAB_MIN_SHIFT) != SHIFT_MIN || page_shift - SHIFT_MIN > SLAB_SIZES_MAX
        || field_u64(head, NGINX_SLAB_MIN_SIZE) != (uint64_t)1 << SHIFT_MIN
        || end != books->at.value + size_bytes || size_bytes > range_bytes(books->image->range))
        return no_pool("no slab pool starts it");
    books->size_count = page_shift - SHIFT_MIN;
    books->entries_at = books->at.value + NGINX_SLAB_POOL_BYTES
        + books->size_count * (NGINX_SLAB_ENTRY_BYTES + NGINX_SLAB_STATISTICS_BYTES);
    uint64_t start = start_laid_out(books, end);
    if (books->entries_at + NGINX_SLAB_ENTRY_BYTES + page_bytes > end || start >= end
        || field_u64(head, NGINX_SLAB_PAGES) != books->entries_at || field_u64(head, NGINX_SLAB_START) != start)
        return no_pool("its slab pool is laid out in a way that is not known");
    books->pool->start = address(start);
    books->pool->page_shift = page_shift;
    books->pool->size_count = books->size_count;
    books->pool->page_count = pages_laid_out(books, start, end);
    checks_add(checks, "bytes of entries of pages = as many as fit",
        books->pool->page_count * NGINX_SLAB_ENTRY_BYTES, field_u64(head, NGINX_SLAB_LAST) - books->entries_at);
    return NULL;
}

static struct error *copy_books(struct books *books)
{
    books->bytes = books->entries_at - books->at.value + books->pool->page_count * NGINX_SLAB_ENTRY_BYTES;
    const unsigned char *live = shared_bytes(books->image, books->at, books->bytes);
    if (!live)
        return no_pool("not all books of its pages are in memory");
    books->copy = malloc(books->bytes);
    books->pool->pages = calloc(books->pool->page_count, sizeof(*books->pool->pages));
    if (!books->copy || !books->pool->pages)
        return error_no_memory();
    memcpy(books->copy, live, books->bytes);
    books->pool->counters = read_counters(books->copy, books->size_count);
    books->pool->data = address(pool_word(books, NGINX_SLAB_DATA));
    return NULL;
}

static uint64_t slabs_of_page(const struct books *books, unsigned shift)
{
    return (uint64_t)1 << (books->pool->page_shift - shift);
}

/* How many of a page's slabs its own bitmap takes: 0 where it is in the entry. */
static uint64_t bitmap_slabs(const struct books *books, const struct slab_page *page)
{
    if (page->kind != SLAB_PAGE_SMALL)
        return 0;
    return size_max((slabs_of_page(books, page->shift) / 8) >> page->shift, 1);
}

static bool count_small(const struct books *books, uint64_t number, struct slab_page *page)
{
    const uint64_t bits = slabs_of_page(books, page->shift);
    const unsigned char *map = shared_bytes(books->image,
        address_add(books->pool->start, number << books->pool->page_shift), bits / 8);
    unsigned used = 0;
    if (!map)
        return false;
    for (uint64_t word = 0; word < bits / WORD_BITS; word++)
        used += (unsigned)__builtin_popcountll(field_u64(map, (unsigned)(word * WORD_BYTES)));
    uint64_t own = bitmap_slabs(books, page);
    page->used = (uint16_t)(used - own);
    return used >= own;
}

/* A page of slabs. */
static struct error *read_slabs(const struct books *books, uint64_t number, unsigned type, struct slab_page *page)
{
    const uint64_t word = field_u64(entry_of(books, number), NGINX_SLAB_ENTRY_WORD);
    const unsigned exact_shift = books->pool->page_shift - 6; /* 64 slabs a page */
    page->kind = type == NGINX_SLAB_SMALL ? SLAB_PAGE_SMALL : type == NGINX_SLAB_EXACT ? SLAB_PAGE_EXACT
                                                                                       : SLAB_PAGE_BIG;
    page->shift = (uint8_t)(type == NGINX_SLAB_EXACT ? exact_shift : word & NGINX_SLAB_SHIFT_MASK);
    bool fits = type == NGINX_SLAB_SMALL ? page->shift >= SHIFT_MIN && page->shift < exact_shift
        : type == NGINX_SLAB_BIG         ? page->shift > exact_shift && page->shift < books->pool->page_shift
                                         : true;
    if (!fits)
        return no_pool("a page has slabs of no known size");
    if (type == NGINX_SLAB_SMALL)
        return count_small(books, number, page) ? NULL : no_pool("a page's bitmap is not to be read");
    uint64_t map = type == NGINX_SLAB_EXACT ? word : word >> NGINX_SLAB_MAP_SHIFT;
    if (type == NGINX_SLAB_BIG && map >> slabs_of_page(books, page->shift))
        return no_pool("a page has more slabs than fit into it");
    page->used = (uint16_t)__builtin_popcountll(map);
    return NULL;
}

/* Pages from `first` on that belong together; *count of them. */
static struct error *read_run(const struct books *books, uint64_t first, uint64_t *count)
{
    struct slab_page *pages = books->pool->pages;
    uint64_t word = field_u64(entry_of(books, first), NGINX_SLAB_ENTRY_WORD);
    const bool is_whole = word & NGINX_SLAB_RUN_START;
    const uint64_t others = is_whole ? NGINX_SLAB_RUN_CONTINUED : 0;
    *count = word & ~NGINX_SLAB_RUN_START;
    if (*count == 0 || *count > books->pool->page_count - first || *count > UINT32_MAX)
        return no_pool("pages are marked as belonging to no run of pages");
    for (uint64_t i = 1; i < *count; i++) {
        const unsigned char *entry = entry_of(books, first + i);
        if (field_u64(entry, NGINX_SLAB_ENTRY_WORD) != others
            || field_u64(entry, NGINX_SLAB_ENTRY_PREVIOUS) & NGINX_SLAB_TYPE_MASK)
            return no_pool("a run of pages ends before it should");
        pages[first + i].kind = is_whole ? SLAB_PAGE_CONTINUED : SLAB_PAGE_FREE;
    }
    pages[first] = (struct slab_page){.kind = is_whole ? SLAB_PAGE_WHOLE : SLAB_PAGE_FREE, .run = (uint32_t)*count};
    return NULL;
}

static void add_run(struct books *books, uint64_t first, uint64_t count)
{
    struct slab_pages *pages = &books->slabs->pages;
    if (books->pool->pages[first].kind == SLAB_PAGE_WHOLE) {
        pages->whole += count;
        pages->whole_allocations++;
        return;
    }
    pages->free += count;
    pages->free_runs++;
    pages->largest_free_run = size_max(pages->largest_free_run, count);
    uint64_t base = (books->pool->start.value - books->image->range.start.value) >> books->pool->page_shift;
    for (uint64_t i = first; i < first + count; i++)
        pages->free_loaded += shared_page_is_loaded(books->image, base + i);
}

static void add_slabs(struct books *books, const struct slab_page *page)
{
    struct slab_size *size = &books->slabs->sizes[page->shift - SHIFT_MIN];
    struct slab_pages *pages = &books->slabs->pages;
    const uint64_t own = bitmap_slabs(books, page), slabs = slabs_of_page(books, page->shift) - own;
    pages->small += page->kind == SLAB_PAGE_SMALL;
    pages->exact += page->kind == SLAB_PAGE_EXACT;
    pages->big += page->kind == SLAB_PAGE_BIG;
    size->pages++;
    size->used += page->used;
    size->free += slabs - page->used;
    size->bitmap_slabs += own;
    books->with_room += page->used < slabs;
    if (page->used <= slabs / SPARSE_SHARE) {
        size->sparse_pages++;
        size->sparse_used += page->used;
    }
}

static struct error *read_pages(struct books *books)
{
    struct error *error = NULL;
    for (uint64_t page = 0, count; page < books->pool->page_count && !error; page += count) {
        unsigned type = field_u64(entry_of(books, page), NGINX_SLAB_ENTRY_PREVIOUS) & NGINX_SLAB_TYPE_MASK;
        count = 1;
        if (type == NGINX_SLAB_PAGE) {
            error = read_run(books, page, &count);
            if (!error)
                add_run(books, page, count);
            continue;
        }
        error = read_slabs(books, page, type, &books->pool->pages[page]);
        if (!error)
            add_slabs(books, &books->pool->pages[page]);
    }
    return error;
}

/* The page whose entry is at `at`; page_count when none is. */
static uint64_t page_of_entry(const struct books *books, uint64_t at)
{
    uint64_t distance = at - books->entries_at, page = distance / NGINX_SLAB_ENTRY_BYTES;
    return distance % NGINX_SLAB_ENTRY_BYTES == 0 && page < books->pool->page_count ? page : books->pool->page_count;
}

/* From entry to entry until the list is back at its head, or somewhere else. */
static void follow_lists(struct books *books)
{
    const struct slab_page *pages = books->pool->pages;
    uint64_t limit = books->pool->page_count, next = pool_word(books, NGINX_SLAB_FREE + NGINX_SLAB_ENTRY_NEXT);
    for (uint64_t page; limit && (page = page_of_entry(books, next)) < books->pool->page_count; limit--) {
        books->listed_free += pages[page].kind == SLAB_PAGE_FREE ? pages[page].run : 0;
        next = field_u64(entry_of(books, page), NGINX_SLAB_ENTRY_NEXT);
    }
    for (unsigned slot = 0; slot < books->size_count; slot++) {
        next = pool_word(books, NGINX_SLAB_POOL_BYTES + slot * NGINX_SLAB_ENTRY_BYTES + NGINX_SLAB_ENTRY_NEXT);
        for (uint64_t page; limit && (page = page_of_entry(books, next)) < books->pool->page_count; limit--) {
            books->listed_with_room += pages[page].shift == slot + SHIFT_MIN;
            next = field_u64(entry_of(books, page), NGINX_SLAB_ENTRY_NEXT);
        }
    }
}

static void sum_up(struct books *books, struct checks *checks)
{
    struct slab_account *slabs = books->slabs;
    uint64_t used = 0, used_bytes = 0, total = 0, stat_used = 0, stat_used_bytes = 0, stat_total = 0;
    for (unsigned slot = 0; slot < books->size_count; slot++) {
        struct slab_size *size = &slabs->sizes[slot];
        const unsigned char *statistics = statistics_of(books->copy, books->size_count, slot);
        uint64_t stat = field_u64(statistics, NGINX_SLAB_USED);
        size->slab_bytes = 1u << (SHIFT_MIN + slot);
        size->requests = field_u64(statistics, NGINX_SLAB_REQUESTS);
        size->failures = field_u64(statistics, NGINX_SLAB_FAILURES);
        used += size->used;
        used_bytes += size->used * size->slab_bytes;
        total += size->used + size->free;
        stat_used += stat;
        stat_used_bytes += stat * size->slab_bytes;
        stat_total += field_u64(statistics, NGINX_SLAB_TOTAL);
        if (size->free)
            slabs->largest_allocation = size->slab_bytes;
    }
    if (slabs->pages.largest_free_run)
        slabs->largest_allocation = slabs->pages.largest_free_run << books->pool->page_shift;
    checks_add(checks, "slabs used, by bitmaps = by nginx's statistics", stat_used, used);
    checks_add_in_units(checks, "bytes of slabs used, by bitmaps = by nginx's statistics", stat_used_bytes, used_bytes,
        books->slabs->page_bytes);
    checks_add_in_units(checks, "slabs on pages = in nginx's statistics", stat_total, total,
        books->slabs->page_bytes >> SHIFT_MIN);
    checks_add(checks, "pages of free runs = nginx's count", pool_word(books, NGINX_SLAB_FREE_PAGES),
        slabs->pages.free);
}

/* Only of books that nobody changed while they were copied: one change may tear off all that a list goes on to. */
static void check_lists(struct books *books, struct checks *checks)
{
    if (slab_pool_changes(books->image, books->pool))
        return;
    follow_lists(books);
    checks_add(checks, "pages of free runs = on the list of free runs", books->listed_free, books->slabs->pages.free);
    checks_add(checks, "pages with room = on the lists of their sizes", books->listed_with_room, books->with_room);
}

static struct error *read_books(struct books *books, uint64_t size_bytes, struct checks *checks)
{
    struct error *error = read_head(books, size_bytes, checks);
    if (!error)
        error = copy_books(books);
    if (error)
        return error;
    books->slabs->size_count = books->size_count;
    books->slabs->page_bytes = books->image->page_bytes;
    books->slabs->header_bytes = books->pool->start.value - books->at.value;
    books->slabs->pages.total = books->pool->page_count;
    error = read_pages(books);
    if (error)
        return error;
    sum_up(books, checks);
    check_lists(books, checks);
    return NULL;
}

struct error *slab_pool_read(const struct shared_image *image, uint64_t size_bytes, struct slab_pool *pool,
    struct slab_account *slabs, struct checks *checks)
{
    *pool = (struct slab_pool){0};
    *slabs = (struct slab_account){0};
    struct books books = {.image = image, .pool = pool, .slabs = slabs, .at = image->range.start};
    struct error *error = read_books(&books, size_bytes, checks);
    free(books.copy);
    return error;
}

/* Counters are read one by one: one of an allocation can be torn from another of it, so that a sum falls below 0. */
static uint64_t apart(uint64_t a, uint64_t b)
{
    int64_t difference = (int64_t)(a - b);
    return difference < 0 ? -(uint64_t)difference : (uint64_t)difference;
}

uint64_t slab_pool_changes(const struct shared_image *image, const struct slab_pool *pool)
{
    const struct slab_counters *before = &pool->counters;
    const unsigned char *live = shared_bytes(image, image->range.start, image->page_bytes);
    if (!live)
        return 1;
    struct slab_counters now = read_counters(live, pool->size_count);
    uint64_t given = now.requests - before->requests - (now.failures - before->failures);
    uint64_t taken = apart(given, now.used - before->used);
    bool was_inside = before->lock || now.lock;
    return apart(given, 0) + taken + apart(now.free_pages, before->free_pages) + was_inside;
}

void slab_pool_free(struct slab_pool *pool)
{
    free(pool->pages);
    *pool = (struct slab_pool){0};
}
