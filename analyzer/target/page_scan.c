/*
 * The two ways to ask for pages, and the probe that chooses. The zero page is the trap: it is present in the page
 * table, yet holds nothing and counts in no Rss. PAGEMAP_SCAN names it (the huge one only in late kernels); pagemap's
 * entries do not, so its frame number is learned from a page of our own that was read and never written.
 */
#include "target/page_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/size.h"

/* include/uapi/linux/fs.h of Linux 6.7; Debian 12's headers are older. */
struct scan_region {
    uint64_t start, end, categories;
};

struct scan_arguments {
    uint64_t size, flags, start, end, walk_end, vector, vector_length, pages_max;
    uint64_t category_inverted, category_mask, category_any_mask, return_mask;
};

#define SCAN_COMMAND _IOWR('f', 16, struct scan_arguments)
#define SCAN_FILE (1u << 2)
#define SCAN_PRESENT (1u << 3)
#define SCAN_SWAPPED (1u << 4)
#define SCAN_ZERO (1u << 5)

/* Documentation/admin-guide/mm/pagemap.rst of the kernel */
#define ENTRY_PRESENT (1ull << 63)
#define ENTRY_SWAPPED (1ull << 62)
#define ENTRY_FILE (1ull << 61)
#define ENTRY_FRAME ((1ull << 55) - 1)

enum {
    REGIONS_MAX = 512,
    ENTRIES_MAX = 4096,
    PAGE_BYTES = 4096,
    HUGE_PAGE_BYTES = 2 << 20,
    HUGE_PAGE_FRAMES = HUGE_PAGE_BYTES / PAGE_BYTES,
    PROBE_BYTES = 3 * HUGE_PAGE_BYTES,
};

/* Above it there is only [vsyscall], which belongs to the kernel. */
#define USER_END 0x7ffffffff000ull

static struct address_range user_part(struct address_range range)
{
    range.end.value = size_min(range.end.value, USER_END);
    return range;
}

static enum page_state scan_state(uint64_t categories)
{
    return !(categories & SCAN_PRESENT) ? PAGE_SWAPPED : categories & SCAN_FILE ? PAGE_FILE : PAGE_ANONYMOUS;
}

static struct error *add_regions(const struct scan_region *regions, int count, struct presence *presence)
{
    for (int i = 0; i < count; i++) {
        struct address_range run = {address(regions[i].start), address(regions[i].end)};
        struct error *error = presence_add(presence, run, scan_state(regions[i].categories));
        if (error)
            return error;
    }
    return NULL;
}

int page_scan_ioctl(int pagemap, struct address_range range, struct presence *presence, struct error **error)
{
    struct scan_region regions[REGIONS_MAX];
    range = user_part(range);
    while (range_bytes(range) > 0) {
        struct scan_arguments arguments = {
            .size = sizeof(arguments),
            .start = range.start.value,
            .end = range.end.value,
            .vector = (uintptr_t)regions,
            .vector_length = REGIONS_MAX,
            .category_inverted = SCAN_ZERO,
            .category_mask = SCAN_ZERO,
            .category_any_mask = SCAN_PRESENT | SCAN_SWAPPED,
            .return_mask = SCAN_PRESENT | SCAN_SWAPPED | SCAN_FILE,
        };
        int count = ioctl(pagemap, SCAN_COMMAND, &arguments);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return errno;
        if ((*error = add_regions(regions, count, presence)))
            return 0;
        if (arguments.walk_end <= range.start.value)
            return EIO;
        range.start.value = arguments.walk_end;
    }
    return 0;
}

static bool is_zero_page(uint64_t entry, const struct page_scan_ability *ability)
{
    uint64_t frame = entry & ENTRY_FRAME;
    if (!ability->frames || frame == 0)
        return false;
    return frame == ability->zero_frame
        || (ability->huge_zero_frame && frame - ability->huge_zero_frame < HUGE_PAGE_FRAMES);
}

static struct error *add_entries(const uint64_t *entries, size_t count, address_t start,
                                 const struct page_scan_ability *ability, struct presence *presence, uint64_t *found)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t entry = entries[i];
        if (!(entry & (ENTRY_PRESENT | ENTRY_SWAPPED)) || (entry & ENTRY_PRESENT && is_zero_page(entry, ability)))
            continue;
        enum page_state state = !(entry & ENTRY_PRESENT) ? PAGE_SWAPPED
            : entry & ENTRY_FILE                         ? PAGE_FILE
                                                         : PAGE_ANONYMOUS;
        struct address_range page = {address_add(start, i * PAGE_BYTES), address_add(start, (i + 1) * PAGE_BYTES)};
        struct error *error = presence_add(presence, page, state);
        if (error)
            return error;
        *found += PAGE_BYTES;
    }
    return NULL;
}

int page_scan_entries(int pagemap, const struct page_scan_ability *ability, struct address_range range,
                      uint64_t expected, struct presence *presence, struct error **error)
{
    uint64_t entries[ENTRIES_MAX];
    uint64_t found = 0;
    range = user_part(range);
    while (range_bytes(range) > 0 && found < expected) {
        size_t count = size_min(range_bytes(range) / PAGE_BYTES, ENTRIES_MAX);
        off_t offset = (off_t)(range.start.value / PAGE_BYTES * sizeof(entries[0]));
        ssize_t got = pread(pagemap, entries, count * sizeof(entries[0]), offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < (ssize_t)sizeof(entries[0]))
            return got < 0 ? errno : ESRCH;
        count = (size_t)got / sizeof(entries[0]);
        if ((*error = add_entries(entries, count, range.start, ability, presence, &found)))
            return 0;
        range.start = address_add(range.start, count * PAGE_BYTES);
    }
    return 0;
}

static uint64_t own_frame(int pagemap, const unsigned char *at)
{
    uint64_t entry;
    off_t offset = (off_t)((uintptr_t)at / PAGE_BYTES * sizeof(entry));
    if (pread(pagemap, &entry, sizeof(entry), offset) != sizeof(entry) || !(entry & ENTRY_PRESENT))
        return 0;
    return entry & ENTRY_FRAME;
}

/* Only the written page must be found: not the huge zero page before it, nor the zero page at its side. */
static void probe_scan(int pagemap, uint64_t start, uint64_t written, struct page_scan_ability *ability)
{
    struct presence presence = {0};
    struct error *error = NULL;
    struct address_range range = {address(start), address(start + 2 * HUGE_PAGE_BYTES)};
    ability->scan = page_scan_ioctl(pagemap, range, &presence, &error) == 0 && !error;
    ability->scan_knows_zero = ability->scan && presence.count == 1 && presence.items[0].range.start.value == written
        && range_bytes(presence.items[0].range) == PAGE_BYTES && presence.items[0].state == PAGE_ANONYMOUS;
    error_free(error);
    presence_free(&presence);
}

static void probe_memory(int pagemap, unsigned char *huge, struct page_scan_ability *ability)
{
    unsigned char *small = huge + HUGE_PAGE_BYTES;
    unsigned char *written = small + PAGE_BYTES;
    madvise(huge, HUGE_PAGE_BYTES, MADV_HUGEPAGE);
    madvise(small, HUGE_PAGE_BYTES, MADV_NOHUGEPAGE);
    (void)*(volatile unsigned char *)huge;
    (void)*(volatile unsigned char *)small;
    *(volatile unsigned char *)written = 1;
    uint64_t frame = own_frame(pagemap, small);
    uint64_t huge_frame = own_frame(pagemap, huge);
    ability->frames = frame != 0;
    ability->zero_frame = frame;
    ability->huge_zero_frame = huge_frame == frame ? 0 : huge_frame;
    probe_scan(pagemap, (uintptr_t)huge, (uintptr_t)written, ability);
}

void page_scan_probe(struct page_scan_ability *ability)
{
    *ability = (struct page_scan_ability){0};
    CLEANUP(cleanup_close) int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    void *memory = mmap(NULL, PROBE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return;
    if (pagemap >= 0)
        probe_memory(pagemap, (unsigned char *)round_up((uintptr_t)memory, HUGE_PAGE_BYTES), ability);
    munmap(memory, PROBE_BYTES);
}

bool page_scan_prefers_entries(const struct page_scan_ability *ability)
{
    return !ability->scan || (!ability->scan_knows_zero && ability->frames);
}
