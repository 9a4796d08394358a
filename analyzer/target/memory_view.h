/*
 * Fast reading from a capture: remembers the piece that the last read hit, because a walk mostly stays near.
 * All reads are bounds-checked; what was not captured reads as NULL or false, never as zero.
 */
#ifndef RESPIRE_TARGET_MEMORY_VIEW_H
#define RESPIRE_TARGET_MEMORY_VIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "target/capture.h"

struct memory_view {
    const struct capture *capture;
    struct address_range range;
    const unsigned char *data;
};

static inline struct memory_view view_of(const struct capture *capture)
{
    return (struct memory_view){.capture = capture};
}

/* Slow path: find the piece that holds `from` and remember it. */
const void *view_seek(struct memory_view *view, address_t from, uint64_t bytes);

static inline const void *view_bytes(struct memory_view *view, address_t from, uint64_t bytes)
{
    if (range_holds(view->range, from, bytes))
        return view->data + (from.value - view->range.start.value);
    return view_seek(view, from, bytes);
}

static inline bool view_u64(struct memory_view *view, address_t from, uint64_t *value)
{
    const void *bytes = view_bytes(view, from, sizeof(*value));
    if (bytes)
        memcpy(value, bytes, sizeof(*value));
    return bytes != NULL;
}

static inline bool view_u32(struct memory_view *view, address_t from, uint32_t *value)
{
    const void *bytes = view_bytes(view, from, sizeof(*value));
    if (bytes)
        memcpy(value, bytes, sizeof(*value));
    return bytes != NULL;
}

static inline bool view_u8(struct memory_view *view, address_t from, uint8_t *value)
{
    const void *bytes = view_bytes(view, from, sizeof(*value));
    if (bytes)
        memcpy(value, bytes, sizeof(*value));
    return bytes != NULL;
}

/* Fields of a structure that view_bytes has returned whole. */
static inline uint64_t field_u64(const void *structure, unsigned offset)
{
    uint64_t value;
    memcpy(&value, (const char *)structure + offset, sizeof(value));
    return value;
}

static inline uint32_t field_u32(const void *structure, unsigned offset)
{
    uint32_t value;
    memcpy(&value, (const char *)structure + offset, sizeof(value));
    return value;
}

static inline uint16_t field_u16(const void *structure, unsigned offset)
{
    uint16_t value;
    memcpy(&value, (const char *)structure + offset, sizeof(value));
    return value;
}

static inline uint8_t field_u8(const void *structure, unsigned offset)
{
    return ((const unsigned char *)structure)[offset];
}

#endif
