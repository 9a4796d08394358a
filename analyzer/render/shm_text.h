/* The text of `respire shm`. */
#ifndef RESPIRE_RENDER_SHM_TEXT_H
#define RESPIRE_RENDER_SHM_TEXT_H

#include "render/shm_report.h"

void shm_text_print(const struct shm_report *report);

#endif
