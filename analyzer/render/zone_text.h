/* The text of `respire shm PID ZONE`: the inside of one zone. */
#ifndef RESPIRE_RENDER_ZONE_TEXT_H
#define RESPIRE_RENDER_ZONE_TEXT_H

#include "render/shm_report.h"

/* `report->only` is shown. */
void zone_text_print(const struct shm_report *report);

/* What is worth a paragraph: that it was not understood, or changed, or is in swap; other generations of it. */
void zone_notes_print(const struct shared_zone *zone);

#endif
