/*
 * Private memory of the target that is copied when it is first asked for: for small things that stay as they are while
 * the process lives, like nginx's configuration. The target is never stopped; pages may be of different moments. Absent
 * pages are never read.
 *
 * A capture with `lazy` set has no pieces; memory_view.h reads through it all the same. One thread at a time.
 */
#ifndef RESPIRE_TARGET_LAZY_MEMORY_H
#define RESPIRE_TARGET_LAZY_MEMORY_H

#include "target/capture.h"

/* `target` must live as long as the capture. Release with capture_free(); on failure nothing is to be released. */
struct error *capture_lazily(struct target *target, struct capture *capture);

/*
 * The copy of `bytes` bytes at `from`, and around them what else was copied, which is told by `range` and `data`. NULL:
 * not all of it is private memory that is there. Pointers stay good until the capture is released.
 */
const void *lazy_memory_bytes(const struct capture *capture, address_t from, uint64_t bytes,
    struct address_range *range, const unsigned char **data);

/* Only capture.c calls it. */
void lazy_memory_free(struct lazy_memory *lazy);

#endif
