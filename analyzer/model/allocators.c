#include "model/allocators.h"

const char *allocator_name(enum allocator allocator)
{
    static const char *const names[ALLOCATORS] = {
        [ALLOCATOR_JEMALLOC] = "jemalloc",
        [ALLOCATOR_TCMALLOC] = "tcmalloc",
        [ALLOCATOR_MIMALLOC] = "mimalloc",
        [ALLOCATOR_MUSL] = "musl",
    };
    return names[allocator];
}
