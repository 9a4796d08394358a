/* A core file of any bytes: no crash, no hang, no page that is said to be there and can't be read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/size.h"
#include "target/target.h"

enum {
    PAGE_BYTES = 4096,
    PAGES_READ_MAX = 64, /* of each run: its first pages and its last */
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static int input_file(void)
{
    static int file = -1;
    if (file < 0)
        file = memfd_create("core", MFD_CLOEXEC);
    return file;
}

static void read_run(struct target *target, const struct page_run *run)
{
    unsigned char page[PAGE_BYTES];
    uint64_t pages = range_bytes(run->range) / PAGE_BYTES;
    for (uint64_t i = 0; i < size_min(pages, PAGES_READ_MAX); i++) {
        uint64_t number = i % 2 ? pages - 1 - i / 2 : i / 2;
        struct error *error =
            target_read(target, address_add(run->range.start, number * PAGE_BYTES), page, sizeof(page));
        if (error)
            abort();
    }
}

static void read_all(struct target *target)
{
    struct mappings mappings = {0};
    struct presence presence = {0};
    struct error *error = target_mappings(target, &mappings);
    if (!error)
        error = target_presence(target, (struct address_range){address(0), ADDRESS_NONE}, &presence);
    if (error)
        abort();
    for (size_t i = 0; i < presence.count; i++) {
        const struct page_run *run = &presence.items[i];
        if (!mappings_find(&mappings, run->range.start))
            abort();
        read_run(target, run);
    }
    presence_free(&presence);
    mappings_free(&mappings);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    char path[64];
    struct target *target;
    int file = input_file();
    if (ftruncate(file, 0) != 0 || pwrite(file, bytes, count, 0) != (ssize_t)count)
        abort();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    struct error *error = target_open_core(path, NULL, &target);
    if (error) {
        error_free(error);
        return 0;
    }
    read_all(target);
    target_close(target);
    return 0;
}
