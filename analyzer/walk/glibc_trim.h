/*
 * What malloc_trim(0) would give back of an arena, to the byte. It joins chunks of fastbins with their free neighbours,
 * lets go of the whole pages inside each free chunk, and shortens the main arena where that ends with the heap that brk
 * makes; the ends of other arenas it leaves alone, and so it does what threads have in their caches.
 */
#ifndef RESPIRE_WALK_GLIBC_TRIM_H
#define RESPIRE_WALK_GLIBC_TRIM_H

#include <stdbool.h>
#include <stdint.h>

#include "model/chunk_map.h"
#include "target/presence.h"

struct trim_facts {
    const struct presence *presence;
    uint64_t page_bytes;
    address_t top;           /* the arena's last chunk */
    bool can_shorten;        /* the main arena, and the end of its top is the end of brk's heap */
    uint64_t top_unit_bytes; /* top is shortened by multiples of this: mp_.thp_pagesize, or a page where that is 0 */
};

/*
 * Resident bytes, of one region of the arena. In `region`, top and the chunks of bins and fastbins are not used; those
 * in caches of threads still are.
 */
uint64_t glibc_trim_bytes(const struct chunk_region *region, const struct trim_facts *facts);

#endif
