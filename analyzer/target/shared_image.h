/*
 * A shared memory mapping of the target, read without touching it: our own mapping of the same pages, and which of them
 * are there. Pages that nobody has touched are never read: reading one would make the kernel allocate it.
 *
 * Live process: /proc/PID/map_files (CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE) and mincore(2). The mapping is read-only;
 * page tables of the target are not touched, so its RSS stays what it is. What is in swap counts as not there.
 * Core file: what the file holds of the mapping.
 */
#ifndef RESPIRE_TARGET_SHARED_IMAGE_H
#define RESPIRE_TARGET_SHARED_IMAGE_H

#include <stdbool.h>

#include "target/target.h"

struct shared_image {
    struct address_range range;  /* in the target; whole pages */
    uint64_t page_bytes, page_count;
    const unsigned char *data;   /* of the whole range, ours; only loaded pages may be read */
    uint64_t *loaded;            /* bit i: page i was there when last looked */
    uint64_t loaded_pages;
    bool has_residency;          /* false for a core file: what is not loaded may have been zero, or absent */
    uint64_t made_ns;            /* since 1970, when the kernel made it; 0: not known */
    uint64_t inode;              /* the same in all processes that share it; 0: not known */
    uint64_t allocated_bytes;    /* in memory or in swap; 0: not known */
    void *mapped;                /* private to shared_image.c: where `data` is, and its size */
    uint64_t mapped_bytes;
};

/* ERROR_UNREADABLE names the capability that is missing. Release with shared_image_close(), also when it fails. */
struct error *shared_image_open(struct target *target, const struct mapping *mapping, struct shared_image *image);

/* Look again which pages are there. */
struct error *shared_image_look(struct shared_image *image);

void shared_image_close(struct shared_image *image);

static inline bool shared_page_is_loaded(const struct shared_image *image, uint64_t page)
{
    return image->loaded[page / 64] >> page % 64 & 1;
}

/* The bytes at `from`, which the target may change any time; NULL unless all of them are loaded. */
const void *shared_image_slow(const struct shared_image *image, address_t from, uint64_t bytes);

static inline const void *shared_bytes(const struct shared_image *image, address_t from, uint64_t bytes)
{
    uint64_t at = from.value - image->range.start.value, page = at / image->page_bytes;
    if (page >= image->page_count || bytes > image->page_bytes - at % image->page_bytes)
        return shared_image_slow(image, from, bytes);
    return shared_page_is_loaded(image, page) ? image->data + at : (const void *)0;
}

#endif
