/* How the reports of `lua`, `mem` and `heap` end alike: the remedy, and how the look went. */
#ifndef RESPIRE_RENDER_REPORT_END_H
#define RESPIRE_RENDER_REPORT_END_H

#include "model/process.h"

/* What to do about memory that the stock allocator keeps; nothing when it is little. */
void runtime_remedy_print(uint64_t wasted_bytes, uint64_t whole_bytes);

/* What to do about garbage that a state's collector is slow to collect; nothing when it is little. */
void garbage_remedy_print(uint64_t garbage_bytes, uint64_t count_bytes);

/* What to do about pages that malloc_trim(0) would give back; nothing when they are few. */
void malloc_remedy_print(uint64_t trim_bytes, uint64_t held_bytes);

/* "Read without stopping the process." or how long it stood still; ends every report about a live process. */
void look_text_print(const struct process *process, bool is_core);

/* When the snapshot was taken that all this was read from; in UTC. */
void snapshot_text_print(uint64_t taken_ns);

#endif
