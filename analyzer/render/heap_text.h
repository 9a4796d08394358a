/* `respire heap` for people: the verdict, arenas, chunks by size, the largest free ones, what could go back. */
#ifndef RESPIRE_RENDER_HEAP_TEXT_H
#define RESPIRE_RENDER_HEAP_TEXT_H

#include "render/heap_report.h"

void heap_text_print(const struct heap_report *report);

#endif
