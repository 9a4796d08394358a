#include "fake_zone.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/size.h"
#include "layouts/nginx_slab.h"

enum {
    SLAB_BYTES_MAX = FAKE_PAGE_BYTES / 2,
    EXACT_SHIFT = 6,
    WORD_BYTES = 8,
};

static const uint64_t free_list = FAKE_ZONE + NGINX_SLAB_FREE;

unsigned char *fake_zone_at(struct fake_zone *zone, uint64_t at)
{
    uint64_t offset = at - FAKE_ZONE, page = offset / FAKE_PAGE_BYTES;
    if (page >= zone->image.page_count)
        abort();
    if (!shared_page_is_loaded(&zone->image, page)) {
        zone->image.loaded[page / 64] |= (uint64_t)1 << page % 64;
        zone->image.loaded_pages++;
    }
    return zone->memory + offset;
}

void fake_zone_put(struct fake_zone *zone, uint64_t at, uint64_t value)
{
    memcpy(fake_zone_at(zone, at), &value, sizeof(value));
}

uint64_t fake_zone_get(const struct fake_zone *zone, uint64_t at)
{
    uint64_t value;
    memcpy(&value, zone->memory + (at - FAKE_ZONE), sizeof(value));
    return value;
}

void fake_zone_unload(struct fake_zone *zone, uint64_t at)
{
    uint64_t page = (at - FAKE_ZONE) / FAKE_PAGE_BYTES;
    zone->image.loaded_pages -= shared_page_is_loaded(&zone->image, page);
    zone->image.loaded[page / 64] &= ~((uint64_t)1 << page % 64);
}

static void add(struct fake_zone *zone, uint64_t at, uint64_t by)
{
    fake_zone_put(zone, at, fake_zone_get(zone, at) + by);
}

static uint64_t head(const struct fake_zone *zone, unsigned field)
{
    return fake_zone_get(zone, FAKE_ZONE + field);
}

uint64_t fake_zone_page(const struct fake_zone *zone, uint64_t page)
{
    return head(zone, NGINX_SLAB_START) + page * FAKE_PAGE_BYTES;
}

uint64_t fake_zone_entry(const struct fake_zone *zone, uint64_t page)
{
    return zone->entries + page * NGINX_SLAB_ENTRY_BYTES;
}

uint64_t fake_zone_slot(unsigned slot)
{
    return FAKE_ZONE + NGINX_SLAB_POOL_BYTES + slot * NGINX_SLAB_ENTRY_BYTES;
}

uint64_t fake_zone_statistics(unsigned slot)
{
    return fake_zone_slot(FAKE_SIZES) + slot * NGINX_SLAB_STATISTICS_BYTES;
}

uint64_t fake_zone_page_of(const struct fake_zone *zone, uint64_t at)
{
    return (at - head(zone, NGINX_SLAB_START)) / FAKE_PAGE_BYTES;
}

/* Entries of pages, by their addresses. */
static uint64_t word_of(const struct fake_zone *zone, uint64_t entry)
{
    return fake_zone_get(zone, entry + NGINX_SLAB_ENTRY_WORD);
}

static uint64_t next_of(const struct fake_zone *zone, uint64_t entry)
{
    return fake_zone_get(zone, entry + NGINX_SLAB_ENTRY_NEXT);
}

static uint64_t previous_of(const struct fake_zone *zone, uint64_t entry)
{
    return fake_zone_get(zone, entry + NGINX_SLAB_ENTRY_PREVIOUS) & ~(uint64_t)NGINX_SLAB_TYPE_MASK;
}

static unsigned type_of(const struct fake_zone *zone, uint64_t entry)
{
    return fake_zone_get(zone, entry + NGINX_SLAB_ENTRY_PREVIOUS) & NGINX_SLAB_TYPE_MASK;
}

static void put_entry(struct fake_zone *zone, uint64_t entry, uint64_t word, uint64_t next, uint64_t previous)
{
    fake_zone_put(zone, entry + NGINX_SLAB_ENTRY_WORD, word);
    fake_zone_put(zone, entry + NGINX_SLAB_ENTRY_NEXT, next);
    fake_zone_put(zone, entry + NGINX_SLAB_ENTRY_PREVIOUS, previous);
}

/* List heads have no use for their own word and `previous`, but those are written all the same. */
static void link_first(struct fake_zone *zone, uint64_t list, uint64_t entry, unsigned type)
{
    uint64_t next = next_of(zone, list);
    fake_zone_put(zone, entry + NGINX_SLAB_ENTRY_NEXT, next);
    fake_zone_put(zone, entry + NGINX_SLAB_ENTRY_PREVIOUS, list | type);
    fake_zone_put(zone, next + NGINX_SLAB_ENTRY_PREVIOUS, entry | type);
    fake_zone_put(zone, list + NGINX_SLAB_ENTRY_NEXT, entry);
}

static void unlink_entry(struct fake_zone *zone, uint64_t entry)
{
    uint64_t next = next_of(zone, entry);
    fake_zone_put(zone, previous_of(zone, entry) + NGINX_SLAB_ENTRY_NEXT, next);
    fake_zone_put(zone, next + NGINX_SLAB_ENTRY_PREVIOUS, fake_zone_get(zone, entry + NGINX_SLAB_ENTRY_PREVIOUS));
}

/* `count` pages from the front of the first run that has so many; their entry, or 0. */
static uint64_t take_pages(struct fake_zone *zone, uint64_t count)
{
    uint64_t entry = next_of(zone, free_list);
    while (entry != free_list && word_of(zone, entry) < count)
        entry = next_of(zone, entry);
    if (entry == free_list)
        return 0;
    uint64_t run = word_of(zone, entry), rest = entry + count * NGINX_SLAB_ENTRY_BYTES;
    if (run > count) {
        uint64_t next = next_of(zone, entry), previous = previous_of(zone, entry);
        fake_zone_put(zone, entry + (run - 1) * NGINX_SLAB_ENTRY_BYTES + NGINX_SLAB_ENTRY_PREVIOUS, rest);
        put_entry(zone, rest, run - count, next, previous);
        fake_zone_put(zone, previous + NGINX_SLAB_ENTRY_NEXT, rest);
        fake_zone_put(zone, next + NGINX_SLAB_ENTRY_PREVIOUS, rest);
    } else {
        unlink_entry(zone, entry);
    }
    put_entry(zone, entry, count | NGINX_SLAB_RUN_START, 0, NGINX_SLAB_PAGE);
    for (uint64_t i = 1; i < count; i++)
        put_entry(zone, entry + i * NGINX_SLAB_ENTRY_BYTES, NGINX_SLAB_RUN_CONTINUED, 0, NGINX_SLAB_PAGE);
    add(zone, FAKE_ZONE + NGINX_SLAB_FREE_PAGES, -count);
    return entry;
}

/* The first entry of the free run that begins, or ends, with `entry`; 0 when that page is not free. */
static uint64_t free_run(const struct fake_zone *zone, uint64_t entry, bool is_end)
{
    if (type_of(zone, entry) != NGINX_SLAB_PAGE)
        return 0;
    uint64_t first = is_end && word_of(zone, entry) == 0 ? previous_of(zone, entry) : entry;
    return next_of(zone, first) ? first : 0;
}

static void clear_entries(struct fake_zone *zone, uint64_t first, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        put_entry(zone, first + i * NGINX_SLAB_ENTRY_BYTES, 0, 0, NGINX_SLAB_PAGE);
}

/* What the ends of the runs that it joins pointed back to is left standing inside the new one, as nginx does. */
static void give_back_pages(struct fake_zone *zone, uint64_t entry, uint64_t count)
{
    add(zone, FAKE_ZONE + NGINX_SLAB_FREE_PAGES, count);
    if (next_of(zone, entry))
        unlink_entry(zone, entry);
    clear_entries(zone, entry, count);
    uint64_t behind = entry + count * NGINX_SLAB_ENTRY_BYTES;
    if (behind < head(zone, NGINX_SLAB_LAST) && free_run(zone, behind, false)) {
        count += word_of(zone, behind);
        unlink_entry(zone, behind);
        clear_entries(zone, behind, 1);
    }
    uint64_t before = entry > zone->entries ? free_run(zone, entry - NGINX_SLAB_ENTRY_BYTES, true) : 0;
    if (before) {
        count += word_of(zone, before);
        unlink_entry(zone, before);
        entry = before;
    }
    fake_zone_put(zone, entry + (count - 1) * NGINX_SLAB_ENTRY_BYTES + NGINX_SLAB_ENTRY_PREVIOUS, entry);
    fake_zone_put(zone, entry + NGINX_SLAB_ENTRY_WORD, count);
    link_first(zone, free_list, entry, NGINX_SLAB_PAGE);
}

/* A page of slabs: bit i of its bitmap is bit i % 8 of byte i / 8, whatever its kind. */
struct slabs {
    uint64_t entry, page, map; /* addresses */
    unsigned shift, type;
    uint64_t count, own;       /* of all slabs, and of those that its bitmap is in */
};

static struct slabs slabs_of(const struct fake_zone *zone, uint64_t entry, unsigned shift)
{
    uint64_t page = fake_zone_page(zone, (entry - zone->entries) / NGINX_SLAB_ENTRY_BYTES);
    uint64_t count = FAKE_PAGE_BYTES >> shift;
    struct slabs slabs = {.entry = entry, .page = page, .shift = shift, .count = count};
    slabs.type = shift < EXACT_SHIFT ? NGINX_SLAB_SMALL : shift == EXACT_SHIFT ? NGINX_SLAB_EXACT : NGINX_SLAB_BIG;
    slabs.map = shift < EXACT_SHIFT ? page : shift == EXACT_SHIFT ? entry : entry + NGINX_SLAB_MAP_SHIFT / 8;
    slabs.own = shift < EXACT_SHIFT ? size_max((count / 8) >> shift, 1) : 0;
    return slabs;
}

static bool is_used(struct fake_zone *zone, const struct slabs *slabs, uint64_t i)
{
    return *fake_zone_at(zone, slabs->map + i / 8) >> i % 8 & 1;
}

static void flip(struct fake_zone *zone, const struct slabs *slabs, uint64_t i)
{
    *fake_zone_at(zone, slabs->map + i / 8) ^= (unsigned char)(1u << i % 8);
}

static uint64_t used_slabs(struct fake_zone *zone, const struct slabs *slabs)
{
    uint64_t used = 0;
    for (uint64_t i = 0; i < slabs->count; i++)
        used += is_used(zone, slabs, i);
    return used;
}

static uint64_t start_slabs(struct fake_zone *zone, unsigned shift)
{
    uint64_t entry = take_pages(zone, 1), slot = shift - FAKE_SHIFT_MIN;
    if (!entry)
        return 0;
    struct slabs slabs = slabs_of(zone, entry, shift);
    fake_zone_put(zone, entry + NGINX_SLAB_ENTRY_WORD, slabs.type == NGINX_SLAB_EXACT ? 0 : shift);
    link_first(zone, fake_zone_slot((unsigned)slot), entry, slabs.type);
    for (uint64_t word = 0; slabs.own && word < slabs.count / 8; word += WORD_BYTES)
        fake_zone_put(zone, slabs.map + word, 0);
    for (uint64_t i = 0; i < slabs.own; i++)
        flip(zone, &slabs, i);
    add(zone, fake_zone_statistics((unsigned)slot) + NGINX_SLAB_TOTAL, slabs.count - slabs.own);
    return entry;
}

uint64_t fake_zone_alloc(struct fake_zone *zone, uint64_t bytes)
{
    if (bytes > SLAB_BYTES_MAX) {
        uint64_t entry = take_pages(zone, (bytes + FAKE_PAGE_BYTES - 1) / FAKE_PAGE_BYTES);
        return entry ? fake_zone_page(zone, (entry - zone->entries) / NGINX_SLAB_ENTRY_BYTES) : 0;
    }
    unsigned shift = FAKE_SHIFT_MIN;
    while ((uint64_t)1 << shift < bytes)
        shift++;
    uint64_t slot = fake_zone_slot(shift - FAKE_SHIFT_MIN), statistics = fake_zone_statistics(shift - FAKE_SHIFT_MIN);
    add(zone, statistics + NGINX_SLAB_REQUESTS, 1);
    uint64_t entry = next_of(zone, slot) != slot ? next_of(zone, slot) : start_slabs(zone, shift);
    if (!entry) {
        add(zone, statistics + NGINX_SLAB_FAILURES, 1);
        return 0;
    }
    struct slabs slabs = slabs_of(zone, entry, shift);
    uint64_t i = 0;
    while (is_used(zone, &slabs, i))
        i++;
    flip(zone, &slabs, i);
    add(zone, statistics + NGINX_SLAB_USED, 1);
    if (used_slabs(zone, &slabs) == slabs.count) {
        unlink_entry(zone, entry);
        fake_zone_put(zone, entry + NGINX_SLAB_ENTRY_NEXT, 0);
        fake_zone_put(zone, entry + NGINX_SLAB_ENTRY_PREVIOUS, slabs.type);
    }
    fake_zone_at(zone, slabs.page + (i << shift));
    return slabs.page + (i << shift);
}

void fake_zone_free(struct fake_zone *zone, uint64_t at)
{
    uint64_t entry = fake_zone_entry(zone, fake_zone_page_of(zone, at)), word = word_of(zone, entry);
    unsigned type = type_of(zone, entry);
    if (type == NGINX_SLAB_PAGE) {
        give_back_pages(zone, entry, word & ~NGINX_SLAB_RUN_START);
        return;
    }
    struct slabs slabs = slabs_of(zone, entry, type == NGINX_SLAB_EXACT ? EXACT_SHIFT : word & NGINX_SLAB_SHIFT_MASK);
    unsigned slot = slabs.shift - FAKE_SHIFT_MIN;
    uint64_t statistics = fake_zone_statistics(slot), i = (at - slabs.page) >> slabs.shift;
    if (!is_used(zone, &slabs, i))
        abort();
    if (!next_of(zone, entry))
        link_first(zone, fake_zone_slot(slot), entry, type);
    flip(zone, &slabs, i);
    add(zone, statistics + NGINX_SLAB_USED, (uint64_t)-1);
    if (used_slabs(zone, &slabs) == slabs.own) {
        add(zone, statistics + NGINX_SLAB_TOTAL, slabs.own - slabs.count);
        give_back_pages(zone, entry, 1);
    }
}

static void start_lists(struct fake_zone *zone)
{
    for (unsigned slot = 0; slot < FAKE_SIZES; slot++)
        put_entry(zone, fake_zone_slot(slot), 0, fake_zone_slot(slot), 0);
    put_entry(zone, free_list, 0, zone->entries, 0);
}

void fake_zone_start(struct fake_zone *zone, uint64_t size_bytes)
{
    uint64_t mapped = round_up(size_bytes, FAKE_PAGE_BYTES), count = mapped / FAKE_PAGE_BYTES;
    zone->size_bytes = size_bytes;
    zone->memory = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    zone->entries = fake_zone_statistics(FAKE_SIZES);
    zone->image = (struct shared_image){
        .range = {address(FAKE_ZONE), address(FAKE_ZONE + mapped)}, .page_bytes = FAKE_PAGE_BYTES,
        .page_count = count, .data = zone->memory, .loaded = calloc(count / 64 + 1, sizeof(uint64_t)),
        .has_residency = true,
    };
    if (zone->memory == MAP_FAILED || !zone->image.loaded)
        abort();
    const uint64_t end = FAKE_ZONE + size_bytes;
    uint64_t pages = (end - zone->entries) / (FAKE_PAGE_BYTES + NGINX_SLAB_ENTRY_BYTES);
    uint64_t start = round_up(zone->entries + pages * NGINX_SLAB_ENTRY_BYTES, FAKE_PAGE_BYTES);
    for (uint64_t i = 0; i < pages; i++)
        put_entry(zone, fake_zone_entry(zone, i), 0, 0, 0);
    pages = size_min(pages, (end - start) / FAKE_PAGE_BYTES);
    start_lists(zone);
    put_entry(zone, zone->entries, pages, free_list, free_list);
    fake_zone_put(zone, FAKE_ZONE + NGINX_SLAB_MIN_SHIFT, FAKE_SHIFT_MIN);
    fake_zone_put(zone, FAKE_ZONE + NGINX_SLAB_MIN_SIZE, 1 << FAKE_SHIFT_MIN);
    fake_zone_put(zone, FAKE_ZONE + NGINX_SLAB_PAGES, zone->entries);
    fake_zone_put(zone, FAKE_ZONE + NGINX_SLAB_LAST, zone->entries + pages * NGINX_SLAB_ENTRY_BYTES);
    fake_zone_put(zone, FAKE_ZONE + NGINX_SLAB_STATISTICS, fake_zone_statistics(0));
    fake_zone_put(zone, FAKE_ZONE + NGINX_SLAB_FREE_PAGES, pages);
    fake_zone_put(zone, FAKE_ZONE + NGINX_SLAB_START, start);
    fake_zone_put(zone, FAKE_ZONE + NGINX_SLAB_END, end);
}

void fake_zone_end(struct fake_zone *zone)
{
    munmap(zone->memory, zone->image.page_count * FAKE_PAGE_BYTES);
    free(zone->image.loaded);
    *zone = (struct fake_zone){0};
}
