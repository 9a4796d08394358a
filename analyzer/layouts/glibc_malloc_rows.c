/* The rows of glibc_malloc_layout.h. */
#include "layouts/glibc_malloc_layout.h"

#define PARAMETERS_TO_2_34 {-32, -28, -24, -20, 0, 0}
#define PARAMETERS_FROM_2_35 {-36, -32, -28, -24, -48, -56}

#define CACHE_TO_2_29 {.bins = 64, .count_bytes = 1, .entries = 64, .chunk_bytes = 0x250, .bins_by_size = 64}
#define CACHE_TO_2_41 {.bins = 64, .count_bytes = 2, .entries = 128, .chunk_bytes = 0x290, .bins_by_size = 64}
#define CACHE_FROM_2_42(late)                                                                             \
    {.bins = 76, .count_bytes = 2, .entries = 152, .chunk_bytes = 0x300, .counts_free = true, .comes_late = (late), \
     .bins_by_size = 64}

const struct glibc_malloc_layout glibc_malloc_layouts[] = {
    {
        .name = "glibc 2.35 to 2.41",
        .bins = 112,
        .fastbins = 16,
        .heap_bytes = 48,
        .links_hidden = true,
        .parameters = PARAMETERS_FROM_2_35,
        .cache = CACHE_TO_2_41,
    },
    {
        .name = "glibc 2.42",
        .bins = 112,
        .fastbins = 16,
        .heap_bytes = 48,
        .links_hidden = true,
        .parameters = PARAMETERS_FROM_2_35,
        .cache = CACHE_FROM_2_42(false),
    },
    {
        .name = "glibc 2.43",
        .bins = 24,
        .heap_bytes = 48,
        .mapped_tail = 16,
        .links_hidden = true,
        .parameters = PARAMETERS_FROM_2_35,
        .cache = CACHE_FROM_2_42(true),
    },
    {
        .name = "glibc 2.32 to 2.34",
        .bins = 112,
        .fastbins = 16,
        .heap_bytes = 32,
        .links_hidden = true,
        .parameters = PARAMETERS_TO_2_34,
        .cache = CACHE_TO_2_41,
    },
    {
        .name = "glibc 2.30 to 2.31",
        .bins = 112,
        .fastbins = 16,
        .heap_bytes = 32,
        .parameters = PARAMETERS_TO_2_34,
        .cache = CACHE_TO_2_41,
    },
    {
        .name = "glibc 2.27 to 2.29",
        .bins = 112,
        .fastbins = 16,
        .heap_bytes = 32,
        .parameters = PARAMETERS_TO_2_34,
        .cache = CACHE_TO_2_29,
    },
};

const size_t glibc_malloc_layout_count = sizeof(glibc_malloc_layouts) / sizeof(glibc_malloc_layouts[0]);
