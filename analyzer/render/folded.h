/*
 * Paths as folded stacks: a line "all;package.loaded;.cache BYTES" for each step that has bytes of its own, as
 * flamegraph.pl, speedscope and inferno take them. The lines sum to what is reachable, to the byte.
 */
#ifndef RESPIRE_RENDER_FOLDED_H
#define RESPIRE_RENDER_FOLDED_H

#include "base/error.h"
#include "render/lua_report.h"

/* All states of the process; where there are several, each begins with a step of its own, "state 0x7f12...". */
struct error *folded_print(const struct lua_report *report);

#endif
