#include "target/lazy_memory.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/array.h"
#include "base/size.h"

enum {
    READ_AHEAD_PAGES = 4,
    BYTES_MAX = 1 << 20, /* that are asked for at once: more is no small thing */
};

/* The copy of one mapping: as large as it is, but only pages that were asked for take memory. */
struct lazy_region {
    const struct mapping *mapping;
    unsigned char *bytes;
    uint64_t *copied; /* bit i: page i is here */
};

struct lazy_memory {
    struct target *target;
    ARRAY(struct lazy_region) regions;
};

struct error *capture_lazily(struct target *target, struct capture *capture)
{
    struct capture lazy = {.page_bytes = target_page_bytes(target), .lazy = calloc(1, sizeof(*lazy.lazy))};
    struct error *error = lazy.lazy ? target_mappings(target, &lazy.mappings) : error_no_memory();
    if (error) {
        capture_free(&lazy);
        return error;
    }
    lazy.lazy->target = target;
    *capture = lazy;
    return NULL;
}

static uint64_t mapping_pages(const struct capture *capture, const struct mapping *mapping)
{
    return range_bytes(mapping->range) / capture->page_bytes;
}

static struct lazy_region *add_region(const struct capture *capture, const struct mapping *mapping)
{
    struct lazy_region *region = ARRAY_ADD(&capture->lazy->regions);
    if (!region)
        return NULL;
    uint64_t *copied = calloc(mapping_pages(capture, mapping) / 64 + 1, sizeof(*copied));
    void *bytes = mmap(NULL, range_bytes(mapping->range), PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (!copied || bytes == MAP_FAILED) {
        free(copied);
        capture->lazy->regions.count--;
        return NULL;
    }
    *region = (struct lazy_region){mapping, bytes, copied};
    return region;
}

static struct lazy_region *region_of(const struct capture *capture, const struct mapping *mapping)
{
    struct lazy_memory *lazy = capture->lazy;
    for (size_t i = 0; i < lazy->regions.count; i++)
        if (lazy->regions.items[i].mapping == mapping)
            return &lazy->regions.items[i];
    return add_region(capture, mapping);
}

static bool is_copied(const struct lazy_region *region, uint64_t page)
{
    return region->copied[page / 64] >> page % 64 & 1;
}

/* Copy what is there of the pages from `first` on. */
static struct error *copy_pages(const struct capture *capture, struct lazy_region *region, uint64_t first, uint64_t end)
{
    const uint64_t page_bytes = capture->page_bytes;
    const address_t start = region->mapping->range.start;
    const struct address_range range = {address_add(start, first * page_bytes), address_add(start, end * page_bytes)};
    struct presence presence = {0};
    struct error *error = target_presence(capture->lazy->target, range, &presence);
    for (size_t i = 0; i < presence.count && !error; i++) {
        const struct page_run *run = &presence.items[i];
        uint64_t at = run->range.start.value - start.value, bytes = range_bytes(run->range);
        if (run->state == PAGE_SWAPPED)
            continue;
        error = target_read(capture->lazy->target, run->range.start, region->bytes + at, bytes);
        for (uint64_t page = at / page_bytes; page < (at + bytes) / page_bytes && !error; page++)
            region->copied[page / 64] |= (uint64_t)1 << page % 64;
    }
    presence_free(&presence);
    return error;
}

/* Are the pages here, after one try to copy those that are not? */
static bool have_pages(const struct capture *capture, struct lazy_region *region, uint64_t first, uint64_t end)
{
    uint64_t page = first;
    while (page < end && is_copied(region, page))
        page++;
    if (page == end)
        return true;
    uint64_t ahead = size_min(size_max(end, page + READ_AHEAD_PAGES), mapping_pages(capture, region->mapping));
    struct error *error = copy_pages(capture, region, page, ahead);
    error_free(error);
    while (page < end && is_copied(region, page))
        page++;
    return page == end;
}

const void *lazy_memory_bytes(const struct capture *capture, address_t from, uint64_t bytes,
    struct address_range *range, const unsigned char **data)
{
    const struct mapping *mapping = mappings_find(&capture->mappings, from);
    if (!mapping || mapping->shared || !mapping->readable || bytes > BYTES_MAX
        || !range_holds(mapping->range, from, bytes))
        return NULL;
    struct lazy_region *region = region_of(capture, mapping);
    const uint64_t at = from.value - mapping->range.start.value, page_bytes = capture->page_bytes;
    const uint64_t first = at / page_bytes, end = round_up(at + size_max(bytes, 1), page_bytes) / page_bytes;
    if (!region || !have_pages(capture, region, first, end))
        return NULL;
    *range = (struct address_range){
        address_add(mapping->range.start, first * page_bytes), address_add(mapping->range.start, end * page_bytes),
    };
    *data = region->bytes + first * page_bytes;
    return region->bytes + at;
}

void lazy_memory_free(struct lazy_memory *lazy)
{
    if (!lazy)
        return;
    for (size_t i = 0; i < lazy->regions.count; i++) {
        munmap(lazy->regions.items[i].bytes, range_bytes(lazy->regions.items[i].mapping->range));
        free(lazy->regions.items[i].copied);
    }
    ARRAY_FREE(&lazy->regions);
    free(lazy);
}
