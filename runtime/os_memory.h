/*
 * os_memory.h: memory from and to the operating system. No other file of the runtime calls mmap and its family.
 *
 * Lengths are whole pages unless said otherwise. A failure is NULL or false, never a message and never an exit:
 * Lua raises its ordinary "not enough memory". No address at or above ADDRESS_LIMIT is ever handed out. All
 * functions keep errno as it was: an allocator must not change it under a program that is reading it.
 */
#ifndef RESPIRE_RUNTIME_OS_MEMORY_H
#define RESPIRE_RUNTIME_OS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True when this machine's pages are those the heap is built for. */
bool os_pages_fit(void);

/* Fresh zeroed private memory. */
void *os_map(size_t bytes);

/* As os_map, aligned to `alignment` (a power of two). `hint`: an address to try first, 0 = none. */
void *os_map_aligned(size_t bytes, size_t alignment, uintptr_t hint);

void os_unmap(void *address, size_t bytes);

/* Grow or shrink a mapping of os_map, moving it where it must. NULL: nothing changed. */
void *os_resize(void *address, size_t old_bytes, size_t new_bytes);

/* Give the frames of these pages back; the addresses stay and read as zeros. False: they are still there. */
bool os_discard(void *address, size_t bytes);

/* Take frames for these pages in one call instead of one fault each. Only a wish. */
void os_populate(void *address, size_t bytes);

/* Ask for small pages: one survivor in a huge page would hold 2 MiB. Only a wish. */
void os_small_pages(void *address, size_t bytes);

#ifdef RESPIRE_TESTING
/* Unit tests: after `successes` more calls that take memory, every further one fails. Negative: never fail. */
void os_test_fail_after(long successes);
/* ... and no call succeeds that would take more than this in all. 0: no limit. */
void os_test_limit_bytes(size_t bytes);
/* Called before pages are given back: what the mutator does at that moment. NULL: nothing. */
void os_test_on_discard(void (*callback)(void));

/* As locked memory does. */
void os_test_refuse_discards(bool refuse);
/* Mappings taken minus mappings returned, in bytes. */
size_t os_test_mapped_bytes(void);
#endif

#endif
