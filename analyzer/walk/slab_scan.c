#include "walk/slab_scan.h"

#include <stdatomic.h>

#include "base/size.h"
#include "layouts/nginx_slab.h"
#include "target/memory_view.h"
#include "walk/object_shares.h"

enum {
    PAGES_TOGETHER = 64,  /* taken up by a worker at once */
    SLABS_PER_PAGE = 512, /* at most: of 8 bytes */
    WORD_BYTES = 8,
    WORD_BITS = 64,
};

/* The used slabs of a page, whose memory has been asked for. */
struct found {
    address_t slabs[SLABS_PER_PAGE];
    unsigned count;
};

struct worker {
    const struct slab_scan *scan;
    _Atomic uint64_t *next_page;
    address_t entries; /* of the pages' books */
    void *visitor;
    struct found found[2];
};

/* The entry of a page in the books as they are now; NULL when it is of another kind by now. */
static const unsigned char *entry_of(const struct worker *worker, uint64_t number)
{
    static const unsigned types[] = {
        [SLAB_PAGE_SMALL] = NGINX_SLAB_SMALL, [SLAB_PAGE_EXACT] = NGINX_SLAB_EXACT, [SLAB_PAGE_BIG] = NGINX_SLAB_BIG,
        [SLAB_PAGE_WHOLE] = NGINX_SLAB_PAGE,
    };
    const struct slab_page *page = &worker->scan->pool->pages[number];
    const unsigned char *entry = shared_bytes(worker->scan->image,
        address_add(worker->entries, number * NGINX_SLAB_ENTRY_BYTES), NGINX_SLAB_ENTRY_BYTES);
    bool is_same = entry
        && (field_u64(entry, NGINX_SLAB_ENTRY_PREVIOUS) & NGINX_SLAB_TYPE_MASK) == types[page->kind];
    return is_same ? entry : NULL;
}

static void find(const struct worker *worker, address_t at, struct found *found)
{
    const struct shared_image *image = worker->scan->image;
    found->slabs[found->count++] = at;
    __builtin_prefetch(image->data + (at.value - image->range.start.value));
}

static void find_by_word(const struct worker *worker, address_t start, unsigned shift, uint64_t bits,
    struct found *found)
{
    for (; bits; bits &= bits - 1)
        find(worker, address_add(start, (uint64_t)__builtin_ctzll(bits) << shift), found);
}

/* The bitmap is in the page's first slabs, and counts them. */
static void find_on_small(const struct worker *worker, address_t start, unsigned shift, struct found *found)
{
    const uint64_t slabs = (uint64_t)1 << (worker->scan->pool->page_shift - shift);
    const uint64_t own = size_max((slabs / 8) >> shift, 1);
    const unsigned char *map = shared_bytes(worker->scan->image, start, slabs / 8);
    for (uint64_t word = 0; map && word < slabs / WORD_BITS; word++) {
        uint64_t bits = field_u64(map, (unsigned)(word * WORD_BYTES));
        if (word * WORD_BITS < own)
            bits &= own - word * WORD_BITS < WORD_BITS ? UINT64_MAX << (own - word * WORD_BITS) : 0;
        find_by_word(worker, address_add(start, word * WORD_BITS << shift), shift, bits, found);
    }
}

static void find_on_page(const struct worker *worker, uint64_t number, struct found *found)
{
    const struct slab_pool *pool = worker->scan->pool;
    const struct slab_page *page = &pool->pages[number];
    const address_t start = address_add(pool->start, number << pool->page_shift);
    const bool is_of_slabs = page->kind == SLAB_PAGE_SMALL || page->kind == SLAB_PAGE_EXACT
        || page->kind == SLAB_PAGE_BIG;
    found->count = 0;
    if ((!is_of_slabs && page->kind != SLAB_PAGE_WHOLE)
        || (is_of_slabs && (uint64_t)1 << page->shift < worker->scan->bytes))
        return;
    const unsigned char *entry = entry_of(worker, number);
    if (!entry)
        return;
    const uint64_t word = field_u64(entry, NGINX_SLAB_ENTRY_WORD);
    if (page->kind == SLAB_PAGE_WHOLE)
        find(worker, start, found);
    else if (page->kind == SLAB_PAGE_SMALL)
        find_on_small(worker, start, page->shift, found);
    else
        find_by_word(worker, start, page->shift, page->kind == SLAB_PAGE_EXACT ? word : word >> NGINX_SLAB_MAP_SHIFT,
            found);
}

static void visit(const struct worker *worker, const struct found *found)
{
    const struct slab_scan *scan = worker->scan;
    unsigned char slab[SLAB_SCAN_BYTES_MAX];
    for (unsigned i = 0; i < found->count; i++) {
        const void *live = shared_bytes(scan->image, found->slabs[i], scan->bytes);
        if (!live)
            continue;
        memcpy(slab, live, scan->bytes);
        scan->visit(worker->visitor, found->slabs[i], slab);
    }
}

/* While the slabs of one page are looked at, those of the next are on their way. */
static void *work(void *argument)
{
    struct worker *worker = argument;
    const uint64_t page_count = worker->scan->pool->page_count;
    unsigned turn = 0;
    for (;;) {
        uint64_t first = atomic_fetch_add_explicit(worker->next_page, PAGES_TOGETHER, memory_order_relaxed);
        if (first >= page_count)
            break;
        for (uint64_t page = first; page < size_min(first + PAGES_TOGETHER, page_count); page++, turn ^= 1) {
            find_on_page(worker, page, &worker->found[turn]);
            visit(worker, &worker->found[turn ^ 1]);
        }
    }
    visit(worker, &worker->found[turn ^ 1]);
    return NULL;
}

void slab_scan_run(const struct slab_scan *scan)
{
    const void *head = shared_bytes(scan->image, scan->image->range.start, NGINX_SLAB_POOL_BYTES);
    struct worker workers[OBJECT_SHARES_MAX];
    _Atomic uint64_t next_page = 0;
    if (!head)
        return;
    for (unsigned i = 0; i < scan->workers; i++)
        workers[i] = (struct worker){
            .scan = scan,
            .next_page = &next_page,
            .entries = address(field_u64(head, NGINX_SLAB_PAGES)),
            .visitor = (char *)scan->visitors + i * scan->visitor_bytes,
        };
    object_shares_run(work, workers, sizeof(workers[0]), scan->workers);
}
