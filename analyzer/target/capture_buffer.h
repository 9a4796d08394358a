/* The memory that a capture is copied into. Only target/ includes this file. */
#ifndef RESPIRE_TARGET_CAPTURE_BUFFER_H
#define RESPIRE_TARGET_CAPTURE_BUFFER_H

#include <stdint.h>

#include "base/error.h"

struct capture_buffer {
    unsigned char *bytes; /* NULL: none */
    uint64_t size;
};

/*
 * Make sure that the buffer holds at least `wanted` bytes that can be written without a page fault. What it held
 * may be lost. An error, instead of an out-of-memory kill of some process, when this machine or its cgroup has
 * no such memory to give.
 */
struct error *capture_buffer_prepare(struct capture_buffer *buffer, uint64_t wanted);

/* Give back what lies behind the first `used` bytes. */
void capture_buffer_trim(struct capture_buffer *buffer, uint64_t used);

void capture_buffer_free(struct capture_buffer *buffer);

#endif
