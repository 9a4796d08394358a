/* `respire lua` for people: the verdict, then each state's heap, collector, objects, sizes and checks. */
#ifndef RESPIRE_RENDER_LUA_TEXT_H
#define RESPIRE_RENDER_LUA_TEXT_H

#include "model/process.h"

void lua_text_print(const struct process *process, const char *name);

#endif
