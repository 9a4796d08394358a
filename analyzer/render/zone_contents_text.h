/* What a module keeps in a zone, as people read it. */
#ifndef RESPIRE_RENDER_ZONE_CONTENTS_TEXT_H
#define RESPIRE_RENDER_ZONE_CONTENTS_TEXT_H

#include "render/shm_report.h"

/* Entries of `report->only`, and for a lua_shared_dict their types, sizes and times to live. */
void zone_contents_text_print(const struct shm_report *report);

#endif
