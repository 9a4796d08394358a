/* The system's view: VSZ, RSS, PSS and swap by kind of mapping, from smaps taken in the same moment as the pages. */
#ifndef RESPIRE_ANALYZE_SYSTEM_LEVEL_H
#define RESPIRE_ANALYZE_SYSTEM_LEVEL_H

#include "model/memory_map.h"
#include "target/capture.h"

/* Fills the totals and rows of `map`. Without sizes (a core file) only the virtual ones. */
void system_level_make(const struct capture *capture, struct memory_map *map);

#endif
