/* What a capture holds at an address, read the way the analyzer reads it. */
#ifndef RESPIRE_TESTS_CAPTURED_H
#define RESPIRE_TESTS_CAPTURED_H

#include "target/memory_view.h"

static inline const void *capture_bytes(const struct capture *capture, address_t from, uint64_t bytes)
{
    struct memory_view view = view_of(capture);
    return view_bytes(&view, from, bytes);
}

/* How many bytes from `from` on are in one piece; 0 when none. */
static inline uint64_t capture_available(const struct capture *capture, address_t from)
{
    const struct capture_piece *piece = capture_piece_at(capture, from);
    return piece ? piece->range.end.value - from.value : 0;
}

#endif
