/* Allocators other than glibc's and LuaJIT's that a program may use: recognised, but their inside is not walked. */
#ifndef RESPIRE_MODEL_ALLOCATORS_H
#define RESPIRE_MODEL_ALLOCATORS_H

enum allocator {
    ALLOCATOR_JEMALLOC,
    ALLOCATOR_TCMALLOC,
    ALLOCATOR_MIMALLOC,
    ALLOCATOR_MUSL,
    ALLOCATORS,
};

/* "jemalloc": the last part of the name of what it owns, other.jemalloc. */
const char *allocator_name(enum allocator allocator);

#endif
