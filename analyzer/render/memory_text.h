/* `respire mem` for people: the verdict, the system's view, the ledger by owner, and what to do. */
#ifndef RESPIRE_RENDER_MEMORY_TEXT_H
#define RESPIRE_RENDER_MEMORY_TEXT_H

#include "model/process.h"

void memory_text_print(const struct process *process, const char *name);

#endif
