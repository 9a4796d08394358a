/*
 * glibc's malloc as plain data: offsets and sizes in bytes, x86-64, one row per family of releases that share them.
 *
 * Source: malloc/malloc.c and malloc/arena.c of glibc 2.28 to 2.43, compared with the bytes of Debian's packages. What
 * is the same in all of them is a constant; what differs is a row, and locate/glibc_arenas.h proves which one it is.
 */
#ifndef RESPIRE_LAYOUTS_GLIBC_MALLOC_LAYOUT_H
#define RESPIRE_LAYOUTS_GLIBC_MALLOC_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A chunk: 8 bytes that belong to the one before (its size, if it is free), 8 bytes head, then the block. */
enum glibc_chunk_layout {
    GLIBC_CHUNK_FOOT = 0, /* prev_size */
    GLIBC_CHUNK_HEAD = 8,
    GLIBC_CHUNK_BLOCK = 16,
    GLIBC_CHUNK_NEXT = 16,     /* of a free chunk: fd */
    GLIBC_CHUNK_PREVIOUS = 24, /* bk */
    GLIBC_CHUNK_LINKS = 48,    /* sizeof(struct malloc_chunk): malloc_trim keeps as much */
    GLIBC_CHUNK_MINIMUM = 32,
    GLIBC_CHUNK_FLAGS = 15, /* the head without them is the size */
    GLIBC_CHUNK_PREVIOUS_USED = 1,
    GLIBC_CHUNK_MAPPED = 2,
    GLIBC_CHUNK_NOT_MAIN = 4,
    GLIBC_CHUNK_IMPOSSIBLE = 10, /* flags that no chunk of an arena has */
    GLIBC_MAPPED_HUGE = 1, /* in the first 8 bytes of a mapped chunk, beside how far behind its mapping it starts */
    GLIBC_FENCEPOST = 16, /* size of the artificial chunks that end a stretch which is not the newest */
};

/*
 * malloc_state, from its bins. A bin is a pair of links that stands in for a chunk: its address as a chunk is 16 bytes
 * before it.
 */
enum glibc_arena_layout {
    GLIBC_BINS = 127, /* unsorted, 62 small ones, large ones; the last is never used */
    GLIBC_BIN_BYTES = 16,
    GLIBC_BIN_CHUNK = 16, /* how far before the pair of links its chunk starts */
    GLIBC_TOP_BEFORE_BINS = 16,
    GLIBC_BINS_NEXT_ARENA = 2048,
    GLIBC_BINS_THREADS = 2064,
    GLIBC_BINS_SYSTEM_BYTES = 2072,
    GLIBC_BINS_MOST_SYSTEM_BYTES = 2080,
    GLIBC_BINS_END = 2088,
    GLIBC_ARENA_FLAGS = 4, /* from malloc_state's start */
    GLIBC_ARENA_GAPS = 2,  /* flag: NONCONTIGUOUS_BIT, brk has failed */
    GLIBC_FASTBINS = 10,
    GLIBC_FASTBIN_STEP = 16, /* sizes 32, 48, … */
};

/* heap_info: what a heap of an arena other than the main one starts with. */
enum glibc_heap_layout {
    GLIBC_HEAP_ARENA = 0,
    GLIBC_HEAP_PREVIOUS = 8,
    GLIBC_HEAP_SIZE = 16,
    GLIBC_HEAP_ALIGNMENT = 1 << 26, /* HEAP_MAX_SIZE */
    GLIBC_HEAP_HUGE_PAGES = 4,      /* that many huge pages instead, where the program asked for them */
};

/* malloc_par, mp_: offsets from sbrk_base. */
struct glibc_parameters_layout {
    int16_t mmap_count, mmap_count_max, most_mmap_count; /* n_mmaps, n_mmaps_max, max_n_mmaps: 32 bits each */
    int16_t fixed_threshold;                             /* no_dyn_threshold: 0 or 1, 32 bits */
    int16_t huge_page_bytes;                             /* hp_pagesize; 0: there is none */
    int16_t thp_page_bytes;                              /* thp_pagesize; 0: there is none */
};

enum glibc_parameters_constants {
    GLIBC_PARAMETERS_MAPPED_BYTES = -16,
    GLIBC_PARAMETERS_MOST_MAPPED_BYTES = -8,
    GLIBC_PARAMETERS_BASE = 0, /* sbrk_base */
    GLIBC_PARAMETERS_CACHE_BINS = 8,
    GLIBC_PARAMETERS_CACHE_BYTES = 16,
    GLIBC_PARAMETERS_CACHE_COUNT = 24,
};

/* tcache_perthread_struct: a number for each bin, then a list for each. */
struct glibc_cache_layout {
    uint16_t bins;
    uint16_t count_bytes;  /* of a number: 1 or 2 */
    uint16_t entries;      /* offset of the lists */
    uint16_t chunk_bytes;  /* of the chunk that holds it */
    bool counts_free;      /* the numbers say how many more it may hold */
    bool comes_late;       /* with the first small block that a thread frees, not with the first that it gets */
    uint16_t bins_by_size; /* the first so many hold chunks of one size each; the others a range each, sorted by size */
};

struct glibc_malloc_layout {
    const char *name;          /* "glibc 2.35 to 2.41": shown to users */
    uint16_t bins;             /* malloc_state to its bins */
    uint16_t fastbins;         /* malloc_state to its fastbins; 0: there are none */
    uint16_t heap_bytes;       /* sizeof(heap_info) */
    uint16_t mapped_tail;      /* bytes of a mapping behind the single chunk in it */
    bool links_hidden;         /* single links are stored xor their own address / 4096 */
    struct glibc_parameters_layout parameters;
    struct glibc_cache_layout cache;
};

extern const struct glibc_malloc_layout glibc_malloc_layouts[];
extern const size_t glibc_malloc_layout_count;

#endif
