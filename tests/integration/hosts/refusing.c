/*
 * refusing.c: see refusing.h.
 *
 * Owns the question who calls: the return address of a call lies in the runtime's library or it does not.
 */
#define _GNU_SOURCE
#include "refusing.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <sys/syscall.h>

#define EXPORT __attribute__((visibility("default")))

enum kind { NONE, MAP, RESIZE, UNMAP, DISCARD, ADVISE, THREAD };

static const char *const kind_names[] = {"none", "map", "resize", "unmap", "discard", "advise", "thread"};

static atomic_int refused_kind;
static atomic_long refused_every;
static atomic_long refused_after = -1;
static atomic_long calls;
static atomic_long refused;
static atomic_bool huge_pages;
static atomic_long huge_count;

static void choose(const char *kind)
{
    atomic_store(&refused_every, 0);
    atomic_store(&refused_after, -1);
    for (int i = 0; i < (int)(sizeof(kind_names) / sizeof(kind_names[0])); i++) {
        if (strcmp(kind, kind_names[i]) == 0)
            atomic_store(&refused_kind, i);
    }
    atomic_store(&calls, 0);
}

EXPORT void refusing_set(const char *kind, long every)
{
    choose(kind);
    atomic_store(&refused_every, every);
}

EXPORT void refusing_set_after(const char *kind, long successes)
{
    choose(kind);
    atomic_store(&refused_after, successes);
}

EXPORT long refusing_count(void)
{
    return atomic_load(&refused);
}

EXPORT void refusing_huge_pages(void)
{
    atomic_store(&huge_pages, true);
}

EXPORT long refusing_huge_count(void)
{
    return atomic_load(&huge_count);
}

static bool from_runtime(const void *caller)
{
    Dl_info info;
    return dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, "librespire");
}

static bool refuses(enum kind kind, const void *caller, int error)
{
    long every = atomic_load(&refused_every);
    long after = atomic_load(&refused_after);
    if ((every == 0 && after < 0) || atomic_load(&refused_kind) != (int)kind || !from_runtime(caller))
        return false;
    long number = atomic_fetch_add(&calls, 1) + 1;
    if (every != 0 ? number % every != 0 : number <= after)
        return false;
    atomic_fetch_add(&refused, 1);
    errno = error;
    return true;
}

static void *map(void *address, size_t bytes, int protection, int flags, int file, off_t offset, const void *caller)
{
    if (refuses(MAP, caller, ENOMEM))
        return MAP_FAILED;
    void *mapped = (void *)syscall(SYS_mmap, address, bytes, protection, flags, file, offset);
    if (mapped != MAP_FAILED && atomic_load(&huge_pages) && from_runtime(caller)) {
        syscall(SYS_madvise, mapped, bytes, MADV_HUGEPAGE);
        atomic_fetch_add(&huge_count, 1);
    }
    return mapped;
}

EXPORT void *mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset)
{
    return map(address, bytes, protection, flags, file, offset, __builtin_return_address(0));
}

EXPORT void *mmap64(void *address, size_t bytes, int protection, int flags, int file, off_t offset)
{
    return map(address, bytes, protection, flags, file, offset, __builtin_return_address(0));
}

EXPORT void *mremap(void *address, size_t old_bytes, size_t new_bytes, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    void *target = flags & MREMAP_FIXED ? va_arg(more, void *) : NULL;
    va_end(more);
    if (refuses(RESIZE, __builtin_return_address(0), ENOMEM))
        return MAP_FAILED;
    return (void *)syscall(SYS_mremap, address, old_bytes, new_bytes, flags, target);
}

EXPORT int munmap(void *address, size_t bytes)
{
    if (refuses(UNMAP, __builtin_return_address(0), ENOMEM))
        return -1;
    return (int)syscall(SYS_munmap, address, bytes);
}

EXPORT int madvise(void *address, size_t bytes, int advice)
{
    bool discards = advice == MADV_DONTNEED || advice == MADV_FREE;
    if (refuses(discards ? DISCARD : ADVISE, __builtin_return_address(0), EINVAL))
        return -1;
    return (int)syscall(SYS_madvise, address, bytes, advice);
}

EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    static int (*libc_create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (refuses(THREAD, __builtin_return_address(0), EAGAIN))
        return EAGAIN;
    if (!libc_create) {
        void *symbol = dlsym(RTLD_NEXT, "pthread_create");
        memcpy(&libc_create, &symbol, sizeof(symbol));
    }
    return libc_create(thread, attributes, start, argument);
}
