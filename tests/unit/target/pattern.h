/* A child whose memory is known page by page: it lays out one region of each kind and says where they are. */
#ifndef RESPIRE_TESTS_PATTERN_H
#define RESPIRE_TESTS_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "child.h"

enum {
    PAGE = 4096,
    REGION_PAGES = 64,
};

enum region_kind {
    REGION_ANONYMOUS, /* every third page written */
    REGION_COPIED,    /* a private file mapping: pages 1 and 5 written, page 3 read and maybe its neighbours */
    REGION_SHARED,    /* pages 0 to 7 written */
    REGION_PROTECTED, /* every page written, then PROT_NONE */
    REGION_ZERO,      /* every page read, none written: the zero page */
    REGION_UNTOUCHED,
    REGION_RESERVED,  /* a reservation of a terabyte, PROT_NONE, but for its page number 5 */
    REGION_STACK,     /* two pages of a function's variables */
    REGION_COUNT,
};

struct region {
    unsigned char *start;             /* in the child */
    unsigned char core[REGION_PAGES]; /* mincore's word for each page: 1 when it is in memory */
};

struct pattern {
    struct region regions[REGION_COUNT];
};

/* A child_body; `argument` is unused. */
void pattern_body(int to_parent, int from_parent, void *argument);

/* Must this page be there? Of the file's, the kernel may map those near a page that was read as well. */
bool pattern_is_present(enum region_kind kind, unsigned page);

/* What the page holds, where pattern_is_present(). */
void pattern_fill(unsigned char *page, enum region_kind kind, unsigned number);

/* Start the child and wait until its memory is laid out. */
struct child pattern_start(struct pattern *pattern);

#endif
