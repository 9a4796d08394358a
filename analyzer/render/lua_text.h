/* `respire lua` for people: the verdict, then each state's heap, collector, objects, sizes and checks. */
#ifndef RESPIRE_RENDER_LUA_TEXT_H
#define RESPIRE_RENDER_LUA_TEXT_H

#include "render/lua_report.h"

void lua_text_print(const struct lua_report *report);

#endif
