/*
 * ngx_slab_pool_t: the books of a zone. Behind its 200 bytes come the slots, a list head for each size of slab, then
 * each size's statistics, then an entry for each page. x86-64, nginx 1.14 to 1.30 and Tengine.
 */
#ifndef RESPIRE_LAYOUTS_NGINX_SLAB_H
#define RESPIRE_LAYOUTS_NGINX_SLAB_H

#include <stdint.h>

enum nginx_slab_pool_layout {
    NGINX_SLAB_LOCK = 0,
    NGINX_SLAB_MIN_SIZE = 16,
    NGINX_SLAB_MIN_SHIFT = 24,
    NGINX_SLAB_PAGES = 32,
    NGINX_SLAB_LAST = 40, /* behind the entry of the last page */
    NGINX_SLAB_FREE = 48, /* an entry: head of the list of free runs */
    NGINX_SLAB_STATISTICS = 72,
    NGINX_SLAB_FREE_PAGES = 80,
    NGINX_SLAB_START = 88, /* of the first page */
    NGINX_SLAB_END = 96,
    NGINX_SLAB_LOG_CONTEXT = 168, /* a text that the module has put into the pool; NULL: none */
    NGINX_SLAB_DATA = 184, /* the module's */
    NGINX_SLAB_POOL_BYTES = 200,
    NGINX_SLAB_TOTAL = 0, /* ngx_slab_stat_t */
    NGINX_SLAB_USED = 8,
    NGINX_SLAB_REQUESTS = 16,
    NGINX_SLAB_FAILURES = 24,
    NGINX_SLAB_STATISTICS_BYTES = 32,
    NGINX_SLAB_ENTRY_WORD = 0, /* ngx_slab_page_t */
    NGINX_SLAB_ENTRY_NEXT = 8,
    NGINX_SLAB_ENTRY_PREVIOUS = 16, /* its low two bits: what the page is */
    NGINX_SLAB_ENTRY_BYTES = 24,
};

enum nginx_slab_page_type {
    NGINX_SLAB_PAGE = 0,  /* free, or given out whole; the word: NGINX_SLAB_RUN…, or how many free pages begin here */
    NGINX_SLAB_BIG = 1,   /* the word: bitmap in its upper half, shift in its low bits */
    NGINX_SLAB_EXACT = 2, /* the word: the bitmap, one bit a slab */
    NGINX_SLAB_SMALL = 3, /* the word: shift in its low bits; the bitmap is in the page's first slabs */
    NGINX_SLAB_TYPE_MASK = 3,
    NGINX_SLAB_SHIFT_MASK = 15,
    NGINX_SLAB_MAP_SHIFT = 32,
    NGINX_SLAB_MAP_BITS = 64,
};

#define NGINX_SLAB_RUN_START UINT64_C(0x8000000000000000) /* with the number of pages that were given out together */
#define NGINX_SLAB_RUN_CONTINUED UINT64_MAX

#endif
