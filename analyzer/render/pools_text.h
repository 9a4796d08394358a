/* `respire pools` for people: the verdict, who holds pools, what the unowned ones have in common, each pool. */
#ifndef RESPIRE_RENDER_POOLS_TEXT_H
#define RESPIRE_RENDER_POOLS_TEXT_H

#include "render/pools_report.h"

void pools_text_print(const struct pools_report *report);

#endif
