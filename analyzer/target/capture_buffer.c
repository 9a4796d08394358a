/*
 * Owns the copy's memory: huge pages, faulted in before the target is stopped, because a copy into fresh 4 kB pages
 * is ten times as slow. It holds somebody's secrets, so it is kept out of core dumps.
 */
#include "target/capture_buffer.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/size.h"
#include "target/memory_room.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

enum {
    HUGE_PAGE_BYTES = 2 << 20,
    PAGE_BYTES = 4096,
    THREADS_MAX = 4,
    PART_BYTES_MIN = 32 << 20,
};

static const char copy_purpose[] = "the copy of the target's memory";

/* A part of the buffer for each thread; the kernel takes longer to clear pages than to find them. */
struct part {
    unsigned char *bytes;
    uint64_t size;
    int number; /* errno, if it failed */
};

static void *populate(void *argument)
{
    struct part *part = argument;
    if (madvise(part->bytes, part->size, MADV_POPULATE_WRITE) == 0)
        return NULL;
    part->number = errno;
    if (part->number != EINVAL)
        return NULL;
    part->number = 0;
    for (uint64_t at = 0; at < part->size; at += PAGE_BYTES)
        ((volatile unsigned char *)part->bytes)[at] = 0;
    return NULL;
}

static int fault_in(unsigned char *bytes, uint64_t size)
{
    struct part parts[THREADS_MAX];
    pthread_t threads[THREADS_MAX];
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t most = size_min(size_max(1, size / PART_BYTES_MIN), THREADS_MAX);
    size_t count = size_min(most, processors > 1 ? (uint64_t)processors : 1), started = 0;
    uint64_t step = round_up(size / count, HUGE_PAGE_BYTES);
    int number = 0;
    madvise(bytes, size, MADV_HUGEPAGE);
    madvise(bytes, size, MADV_DONTDUMP);
    for (size_t i = 0; i < count; i++)
        parts[i] = (struct part){bytes + i * step, i + 1 < count ? step : size - i * step, 0};
    while (started + 1 < count && pthread_create(&threads[started], NULL, populate, &parts[started]) == 0)
        started++;
    for (size_t i = started; i < count; i++)
        populate(&parts[i]);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < count; i++)
        number = number ? number : parts[i].number;
    return number;
}

/* Starts at a multiple of the huge page, or else its first and last part would be of small ones. */
static unsigned char *map_aligned(uint64_t size)
{
    unsigned char *mapped = mmap(NULL, size + HUGE_PAGE_BYTES, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED)
        return NULL;
    uint64_t before = round_up((uintptr_t)mapped, HUGE_PAGE_BYTES) - (uintptr_t)mapped;
    if (before > 0)
        munmap(mapped, before);
    munmap(mapped + before + size, HUGE_PAGE_BYTES - before);
    return mapped + before;
}

struct error *capture_buffer_prepare(struct capture_buffer *buffer, uint64_t wanted)
{
    if (wanted <= buffer->size)
        return NULL;
    capture_buffer_free(buffer);
    uint64_t size = round_up(wanted, HUGE_PAGE_BYTES);
    struct error *error = memory_room_ask(size, copy_purpose);
    if (error)
        return error;
    struct capture_buffer fresh = {map_aligned(size), size};
    if (!fresh.bytes)
        return memory_room_error(size, copy_purpose);
    if (fault_in(fresh.bytes, size) != 0) {
        capture_buffer_free(&fresh);
        return memory_room_error(size, copy_purpose);
    }
    *buffer = fresh;
    return NULL;
}

void capture_buffer_trim(struct capture_buffer *buffer, uint64_t used)
{
    uint64_t kept = round_up(used, HUGE_PAGE_BYTES);
    if (kept >= buffer->size)
        return;
    munmap(buffer->bytes + kept, buffer->size - kept);
    buffer->size = kept;
    if (kept == 0)
        buffer->bytes = NULL;
}

void capture_buffer_free(struct capture_buffer *buffer)
{
    if (buffer->bytes)
        munmap(buffer->bytes, buffer->size);
    *buffer = (struct capture_buffer){0};
}
