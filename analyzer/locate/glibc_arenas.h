/*
 * The books of glibc's malloc, without symbols: its main arena, the ring of all arenas, and its parameters (mp_).
 *
 * An arena's 127 bins are pairs of links, and an empty one points to itself: no other data looks like this. The ring
 * of arenas proves where malloc_state starts, and thereby its layout; mp_ stands in the same data as the main arena.
 */
#ifndef RESPIRE_LOCATE_GLIBC_ARENAS_H
#define RESPIRE_LOCATE_GLIBC_ARENAS_H

#include "layouts/glibc_malloc_layout.h"
#include "target/capture.h"

enum { GLIBC_ARENAS_MAX = 1 << 16, GLIBC_LAYOUTS_MAX = 8 };

struct glibc_books {
    const struct glibc_malloc_layout *layouts[GLIBC_LAYOUTS_MAX]; /* those that fit; they differ in lists alone */
    size_t layout_count;  /* 0: no arena is here, or none is in use */
    address_t parameters; /* mp_'s sbrk_base */
    address_t *items;     /* malloc_state of each arena; the main one first, then by address */
    size_t count, capacity;
};

/*
 * Fill `books`; free it in any case. ERROR_NOT_UNDERSTOOD: an arena is there, but its layout is none of the known
 * ones, or the ring is broken.
 */
struct error *locate_glibc_books(const struct capture *capture, struct glibc_books *books);

void glibc_books_free(struct glibc_books *books);

#endif
