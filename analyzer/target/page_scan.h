/*
 * Asks the kernel which pages of a process are there, through an open /proc/PID/pagemap: with ioctl(PAGEMAP_SCAN) where
 * it gives right answers (6.7 and later), else entry by entry. Only target/ includes this file.
 */
#ifndef RESPIRE_TARGET_PAGE_SCAN_H
#define RESPIRE_TARGET_PAGE_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "target/presence.h"

/* What this kernel can do; probed on our own memory. */
struct page_scan_ability {
    bool scan;                 /* PAGEMAP_SCAN works */
    bool scan_knows_zero;      /* … and tells the zero pages, small and huge, from others */
    bool frames;               /* pagemap shows frame numbers (CAP_SYS_ADMIN) */
    uint64_t zero_frame;       /* where the zero page is; 0: not known */
    uint64_t huge_zero_frame;  /* the first of its frames; 0: there is none now */
};

void page_scan_probe(struct page_scan_ability *ability);

/* True when page_scan_entries should be used, because the ioctl is missing or tells less. */
bool page_scan_prefers_entries(const struct page_scan_ability *ability);

/*
 * Both append runs, return 0 or an errno value (ESRCH: the memory is gone), and set *error when it is not the
 * kernel's.
 */
int page_scan_ioctl(int pagemap, struct address_range range, struct presence *presence, struct error **error);

/*
 * Stops early once `expected` bytes (resident and swapped, as smaps says) were found: a reservation of terabytes with
 * one page in it is not worth gigabytes of entries. UINT64_MAX: look at all.
 */
int page_scan_entries(int pagemap, const struct page_scan_ability *ability, struct address_range range,
                      uint64_t expected, struct presence *presence, struct error **error);

#endif
