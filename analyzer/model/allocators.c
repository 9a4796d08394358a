#include "model/allocators.h"

#include <stdio.h>
#include <string.h>

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

const char *allocators_text(unsigned set, char text[ALLOCATORS_TEXT_BYTES])
{
    text[0] = 0;
    for (unsigned i = 0; i < ALLOCATORS; i++) {
        size_t length = strlen(text);
        if (set >> i & 1)
            snprintf(text + length, ALLOCATORS_TEXT_BYTES - length, "%s%s", length ? " and " : "", allocator_name(i));
    }
    return text;
}
