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

enum { ALLOCATORS_TEXT_BYTES = 64 };

/* "jemalloc and mimalloc", of a set of 1 << enum allocator; empty when it is empty. Returns `text`. */
const char *allocators_text(unsigned set, char text[ALLOCATORS_TEXT_BYTES]);

#endif
