/*
 * How long zones have lived, and who else has them: what a reload kept, and what an upgrade or workers that have not
 * ended yet hold beside it. Nothing of other processes is touched but their lists of zones.
 */
#ifndef RESPIRE_ANALYZE_ZONE_LINEAGE_H
#define RESPIRE_ANALYZE_ZONE_LINEAGE_H

#include "model/shared_zones.h"
#include "target/target.h"

/* `mappings`: the target's. Fills the lineages but for made_ns, which is known. Nothing for a core file. */
struct error *zone_lineage_find(struct target *target, const struct mappings *mappings, struct shared_zones *zones);

#endif
