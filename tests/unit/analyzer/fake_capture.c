#include "fake_capture.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

void fake_capture_start(struct fake_capture *fake)
{
    memset(fake, 0, sizeof(*fake));
    fake->capture.page_bytes = FAKE_PAGE_BYTES;
    fake->capture.pieces = fake->pieces;
}

struct mapping *fake_capture_map_only(struct fake_capture *fake, uint64_t start, uint64_t bytes)
{
    struct mapping *mapping = ARRAY_ADD(&fake->capture.mappings);
    if (!mapping)
        abort();
    mapping->range = (struct address_range){address(start), address(start + bytes)};
    mapping->readable = mapping->writable = true;
    return mapping;
}

unsigned char *fake_capture_map(struct fake_capture *fake, uint64_t start, uint64_t bytes)
{
    struct capture *capture = &fake->capture;
    unsigned char *data = calloc(1, bytes);
    struct address_range range = fake_capture_map_only(fake, start, bytes)->range;
    fake->pieces[capture->piece_count++] = (struct capture_piece){range, data};
    capture->copied_bytes += bytes;
    struct page_run *run = ARRAY_ADD(&capture->presence);
    if (!run)
        abort();
    *run = (struct page_run){range, PAGE_ANONYMOUS};
    return data;
}

void fake_capture_free(struct fake_capture *fake)
{
    for (size_t i = 0; i < fake->capture.piece_count; i++)
        free((void *)(uintptr_t)fake->pieces[i].data);
    for (size_t i = 0; i < fake->capture.mappings.count; i++)
        free(fake->capture.mappings.items[i].path);
    free(fake->capture.mappings.items);
    free(fake->capture.presence.items);
}

void put_u64(unsigned char *at, uint64_t value)
{
    memcpy(at, &value, sizeof(value));
}

void put_u32(unsigned char *at, uint32_t value)
{
    memcpy(at, &value, sizeof(value));
}
