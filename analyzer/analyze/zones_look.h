/*
 * One look at a process's zones, from the list in its cycle to the checked model. The target is not stopped, and no
 * page of any zone is touched. A zone that changes meanwhile is read again; what then still is not exact says within
 * how many changes it is right, and what contradicts itself beyond that is `damage`.
 */
#ifndef RESPIRE_ANALYZE_ZONES_LOOK_H
#define RESPIRE_ANALYZE_ZONES_LOOK_H

#include "model/shared_zones.h"
#include "target/target.h"

struct zones_options {
    const char *only;     /* the inside of this zone alone; NULL: of all */
    bool show_strings;
    size_t largest_count; /* entries shown by themselves */
};

/*
 * On failure `zones` is untouched; otherwise release it. `*is_nginx`: false when the target is no nginx of a known
 * layout; there are no zones then.
 */
struct error *zones_look(struct target *target, const struct zones_options *options, bool *is_nginx,
    struct shared_zones *zones);

#endif
