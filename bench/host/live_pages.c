/*
 * live_pages.c: a counter for each page of the address space, of the live blocks that lie on it.
 *
 * Counters are in groups for 1 GiB of addresses each, mapped when the first block comes: a sparse table costs nothing
 * where there is no heap, and nothing is taken from the allocator that is being watched.
 */
#include "live_pages.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum {
    PAGE_SHIFT = 12,
    GROUP_SHIFT = 30,
    GROUP_PAGES = 1 << (GROUP_SHIFT - PAGE_SHIFT),
    GROUPS = 1 << (47 - GROUP_SHIFT),
};

typedef int16_t counter;

static counter *groups[GROUPS];
static long live_pages;
static lua_Alloc watched;
static void *watched_heap;

static counter *counter_of(uintptr_t page)
{
    counter **group = &groups[page / GROUP_PAGES];
    if (!*group) {
        *group = mmap(NULL, GROUP_PAGES * sizeof(counter), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (*group == MAP_FAILED) {
            fprintf(stderr, "live pages: no memory\n");
            exit(1);
        }
    }
    return &(*group)[page % GROUP_PAGES];
}

static void add(void *block, size_t size_bytes, counter change)
{
    uintptr_t first = (uintptr_t)block;
    if (!block || size_bytes == 0)
        return;
    for (uintptr_t page = first >> PAGE_SHIFT; page <= (first + size_bytes - 1) >> PAGE_SHIFT; page++) {
        counter *count = counter_of(page);
        live_pages -= *count > 0;
        *count = (counter)(*count + change);
        live_pages += *count > 0;
    }
}

static void *watch(void *unused, void *block, size_t old_bytes, size_t new_bytes)
{
    (void)unused;
    void *result = watched(watched_heap, block, old_bytes, new_bytes);
    if (new_bytes == 0 || result) {
        add(block, old_bytes, -1);
        add(result, new_bytes, 1);
    }
    return result;
}

void live_pages_watch(lua_State *lua)
{
    watched = lua_getallocf(lua, &watched_heap);
    lua_setallocf(lua, watch, NULL);
}

size_t live_pages_bytes(void)
{
    return (size_t)live_pages << PAGE_SHIFT;
}
