/* `respire lua` for people: the verdict, then each state's heap, collector, objects, sizes and checks. */
#ifndef RESPIRE_RENDER_LUA_TEXT_H
#define RESPIRE_RENDER_LUA_TEXT_H

#include "model/process.h"

void lua_text_print(const struct process *process, const char *process_name);

/* What to do about memory that the stock allocator keeps; nothing when it is little. */
void runtime_remedy_print(uint64_t wasted_bytes, uint64_t whole_bytes);

/* "Read without stopping the process." or how long it stood still; ends every report about a live process. */
void look_text_print(const struct process *process, bool is_core);

#endif
