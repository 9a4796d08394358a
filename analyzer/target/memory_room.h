/*
 * How much memory respire may take. It often lives in the same container as the target: taking more than the container
 * has left would have the kernel kill one of the two. So whoever needs much asks first.
 */
#ifndef RESPIRE_TARGET_MEMORY_ROOM_H
#define RESPIRE_TARGET_MEMORY_ROOM_H

#include <stdint.h>

#include "base/error.h"

/* What the machine can give without swapping; UINT64_MAX: not known. */
uint64_t memory_available_bytes(void);

/* What this machine and all control groups of respire have left, less some for everything else. */
uint64_t memory_room_bytes(void);

/* ERROR_FAILED when there are no `wanted` bytes left. `purpose` begins the sentence: "the copy of …". */
struct error *memory_room_ask(uint64_t wanted, const char *purpose);

/* That sentence, where they could not be had after all. */
struct error *memory_room_error(uint64_t wanted, const char *purpose);

#endif
