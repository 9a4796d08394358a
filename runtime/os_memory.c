/*
 * os_memory.c: memory from and to the operating system.
 *
 * Owns every mmap, munmap, mremap and madvise of the runtime, and with them three rules:
 *   - addresses stay below 2^47, which GC64 needs. x86-64 never gives a higher one unasked; arm64 may, and then
 *     low addresses are asked for by hint before giving up;
 *   - errno is left as found;
 *   - what cannot be returned (munmap needs memory to split a mapping, and may get none) at least loses its frames.
 */
#include "os_memory.h"

#include "geometry.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14; older kernels answer EINVAL, which is fine for a wish */
#endif

/* Tries at low addresses where the kernel hands out high ones first. */
#define LOW_TRIES 32

#ifdef RESPIRE_TESTING
static _Atomic long successes_left = -1;
static _Atomic size_t mapped_bytes;
static _Atomic size_t limit_bytes;
static void (*on_discard)(void);

void os_test_fail_after(long successes)
{
    successes_left = successes;
}

void os_test_on_discard(void (*callback)(void))
{
    on_discard = callback;
}

static bool refuses_discards;

void os_test_refuse_discards(bool refuse)
{
    refuses_discards = refuse;
}

static bool before_discard(void)
{
    if (on_discard)
        on_discard();
    return !refuses_discards;
}

void os_test_limit_bytes(size_t bytes)
{
    limit_bytes = bytes;
}

size_t os_test_mapped_bytes(void)
{
    return mapped_bytes;
}

static bool may_take(size_t more_bytes)
{
    if (limit_bytes != 0 && mapped_bytes + more_bytes > limit_bytes)
        return false;
    if (successes_left < 0)
        return true;
    if (successes_left == 0)
        return false;
    successes_left--;
    return true;
}

static void count_mapped(size_t taken_bytes, size_t returned_bytes)
{
    mapped_bytes += taken_bytes - returned_bytes;
}
#else
static inline bool may_take(size_t more_bytes)
{
    (void)more_bytes;
    return true;
}

static inline bool before_discard(void)
{
    return true;
}

static inline void count_mapped(size_t taken_bytes, size_t returned_bytes)
{
    (void)taken_bytes;
    (void)returned_bytes;
}
#endif

static bool is_low(const void *address, size_t bytes)
{
    return (uintptr_t)address < ADDRESS_LIMIT && bytes <= ADDRESS_LIMIT - (uintptr_t)address;
}

bool os_pages_fit(void)
{
    return sysconf(_SC_PAGESIZE) == (long)PAGE_BYTES;
}

static void *map_at(uintptr_t hint, size_t bytes)
{
    void *address = mmap((void *)hint, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return address == MAP_FAILED ? NULL : address;
}

/* Map below the limit; the hint is tried first and means nothing more. */
static void *map_low(uintptr_t hint, size_t bytes)
{
    void *address = map_at(hint, bytes);
    for (uint64_t i = 1; address && !is_low(address, bytes) && i <= LOW_TRIES; i++) {
        munmap(address, bytes);
        address = map_at((uintptr_t)(ADDRESS_LIMIT / (LOW_TRIES + 1) * i), bytes);
    }
    if (address && !is_low(address, bytes)) {
        munmap(address, bytes);
        address = NULL;
    }
    return address;
}

void *os_map(size_t bytes)
{
    return os_map_aligned(bytes, PAGE_BYTES, 0);
}

void *os_map_aligned(size_t bytes, size_t alignment, uintptr_t hint)
{
    int error = errno;
    void *result = NULL;
    if (may_take(bytes))
        result = map_low(hint, bytes);
    if (result && ((uintptr_t)result & (alignment - 1)) != 0) {
        /* Take enough to find an aligned place inside, and return both ends. */
        munmap(result, bytes);
        size_t roomy_bytes = bytes + alignment - PAGE_BYTES;
        char *roomy = map_low(0, roomy_bytes);
        result = NULL;
        if (roomy) {
            char *aligned = (char *)round_up((uintptr_t)roomy, alignment);
            if (aligned != roomy)
                munmap(roomy, (size_t)(aligned - roomy));
            char *rest = aligned + bytes;
            if (rest != roomy + roomy_bytes)
                munmap(rest, (size_t)(roomy + roomy_bytes - rest));
            result = aligned;
        }
    }
    if (result)
        count_mapped(bytes, 0);
    errno = error;
    return result;
}

void os_unmap(void *address, size_t bytes)
{
    int error = errno;
    if (munmap(address, bytes) != 0)
        madvise(address, bytes, MADV_DONTNEED);
    count_mapped(0, bytes);
    errno = error;
}

void *os_resize(void *address, size_t old_bytes, size_t new_bytes)
{
    int error = errno;
    void *result = NULL;
    if (new_bytes <= old_bytes || may_take(new_bytes - old_bytes)) {
#if defined(__x86_64__)
        result = mremap(address, old_bytes, new_bytes, MREMAP_MAYMOVE);
#else
        /* The kernel might move it too high, and there would be no safe way back: in place, or to a low place. */
        result = mremap(address, old_bytes, new_bytes, 0);
        if (result == MAP_FAILED) {
            void *low = map_low(0, new_bytes);
            if (low)
                result = mremap(address, old_bytes, new_bytes, MREMAP_MAYMOVE | MREMAP_FIXED, low);
            if (low && result == MAP_FAILED)
                munmap(low, new_bytes);
        }
#endif
        if (result == MAP_FAILED)
            result = NULL;
    }
    if (result)
        count_mapped(new_bytes, old_bytes);
    errno = error;
    return result;
}

bool os_discard(void *address, size_t bytes)
{
    int error = errno;
    bool done = before_discard() && madvise(address, bytes, MADV_DONTNEED) == 0;
    errno = error;
    return done;
}

void os_populate(void *address, size_t bytes)
{
    int error = errno;
    madvise(address, bytes, MADV_POPULATE_WRITE);
    errno = error;
}

void os_small_pages(void *address, size_t bytes)
{
    int error = errno;
    madvise(address, bytes, MADV_NOHUGEPAGE);
    errno = error;
}
