/*
 * Owns the copy's memory: huge pages, faulted in before the target is stopped, because a copy into fresh 4 kB pages
 * is ten times as slow. It holds somebody's secrets, so it is kept out of core dumps.
 *
 * respire often lives in the same container as the target. Taking more memory than the container has left would have
 * the kernel kill one of the two, so the room that is left is looked up first.
 */
#include "target/capture_buffer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/size.h"
#include "target/proc_text.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

enum {
    HUGE_PAGE_BYTES = 2 << 20,
    PAGE_BYTES = 4096,
    ROOM_KEPT_BYTES = 32 << 20, /* for the rest of respire and for the target to go on */
    PATH_BYTES = 4096 + 64,
};

static uint64_t file_number(const char *folder, const char *name, uint64_t otherwise)
{
    char path[PATH_BYTES];
    struct proc_text text = {0};
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    uint64_t number = otherwise;
    if (proc_text_read_path(path, &text) == 0 && text.count && text.bytes[0] >= '0' && text.bytes[0] <= '9')
        number = strtoull(text.bytes, NULL, 10);
    proc_text_free(&text);
    return number;
}

static uint64_t machine_room(void)
{
    struct proc_text text = {0};
    uint64_t kilobytes;
    uint64_t room = UINT64_MAX;
    if (proc_text_read_path("/proc/meminfo", &text) == 0 && proc_text_number(&text, "MemAvailable", &kilobytes))
        room = kilobytes * 1024;
    proc_text_free(&text);
    return room;
}

/* What a cgroup may still take; its page cache counts, for the kernel drops that before it kills. */
static uint64_t group_room(const char *folder)
{
    uint64_t limit = file_number(folder, "memory.max", UINT64_MAX);
    if (limit == UINT64_MAX)
        return limit;
    char path[PATH_BYTES];
    struct proc_text text = {0};
    uint64_t cache = 0;
    snprintf(path, sizeof(path), "%s/memory.stat", folder);
    if (proc_text_read_path(path, &text) == 0) {
        for (char *c = text.bytes; c && *c; c++) /* "inactive_file 123": as the fields of other files */
            if (*c == ' ')
                *c = ':';
        proc_text_number(&text, "inactive_file", &cache);
    }
    proc_text_free(&text);
    uint64_t used = file_number(folder, "memory.current", 0);
    return limit + cache > used ? limit + cache - used : 0;
}

/* The least of what the groups of respire may take, from its own up to the root. Version 2 of cgroups only. */
static uint64_t groups_room(void)
{
    struct proc_text text = {0};
    uint64_t room = UINT64_MAX;
    char folder[PATH_BYTES] = "/sys/fs/cgroup";
    size_t root = strlen(folder);
    const char *line = proc_text_read_path("/proc/self/cgroup", &text) == 0 ? strstr(text.bytes, "0::/") : NULL;
    if (line) {
        snprintf(folder + root, sizeof(folder) - root, "%.*s", (int)strcspn(line + 3, "\n"), line + 3);
        for (char *end; strlen(folder) >= root; *end = '\0') {
            room = size_min(room, group_room(folder));
            end = strrchr(folder, '/');
        }
    }
    proc_text_free(&text);
    return room;
}

static struct error *no_room(uint64_t wanted, uint64_t room)
{
    return error_new(ERROR_FAILED, "the copy of the target's memory needs %llu MiB and only %llu MiB can be had here;"
                     " free some, or run respire outside the container", (unsigned long long)(wanted >> 20) + 1,
                     (unsigned long long)room >> 20);
}

static int fault_in(unsigned char *bytes, uint64_t size)
{
    madvise(bytes, size, MADV_HUGEPAGE);
    madvise(bytes, size, MADV_DONTDUMP);
    if (madvise(bytes, size, MADV_POPULATE_WRITE) == 0)
        return 0;
    if (errno != EINVAL)
        return errno;
    for (uint64_t at = 0; at < size; at += PAGE_BYTES)
        ((volatile unsigned char *)bytes)[at] = 0;
    return 0;
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
    uint64_t room = size_min(machine_room(), groups_room());
    uint64_t size = round_up(wanted, HUGE_PAGE_BYTES);
    if (size > UINT64_MAX - ROOM_KEPT_BYTES || size + ROOM_KEPT_BYTES > room)
        return no_room(wanted, room);
    struct capture_buffer fresh = {map_aligned(size), size};
    if (!fresh.bytes)
        return no_room(wanted, room);
    int number = fault_in(fresh.bytes, size);
    if (number) {
        capture_buffer_free(&fresh);
        return no_room(wanted, room);
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
