/*
 * Who is pointed at: which of some ranges the words of others point into. Every aligned word counts, so a number that
 * looks like an address there counts too.
 */
#ifndef RESPIRE_LOCATE_POINTED_RANGES_H
#define RESPIRE_LOCATE_POINTED_RANGES_H

#include "base/address_ranges.h"
#include "target/capture.h"

/*
 * Widen hulls[i], empty at first, to the pages of targets->items[i] that words of `source` point at and all pages
 * between them. O(words of source).
 */
void point_out(const struct capture *capture, struct address_range source, const struct address_ranges *targets,
    struct address_range *hulls);

#endif
