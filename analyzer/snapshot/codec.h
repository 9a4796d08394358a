/*
 * The values of one section's payload, on their way into a file or out of it. A function that visits a struct through
 * a codec serves both directions: writing, it reads the struct; reading, it fills it.
 *
 *     CODEC_NUMBER(codec, heap->segments, UINT64_MAX);
 *     codec_bytes(codec, graph->types, graph->count);
 *
 * What fails, fails once: the first error is kept, and from then on every value reads as 0 and nothing is written.
 * A number above its limit is damage.
 */
#ifndef RESPIRE_SNAPSHOT_CODEC_H
#define RESPIRE_SNAPSHOT_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "model/process.h"

enum { CODEC_NUMBER_BYTES = 10, CODEC_TEXT_MAX = 4096 };

struct codec {
    bool writing;
    uint64_t raw_bytes;    /* reading: of the whole section */
    uint64_t *memory_left; /* reading: what the model may still take */
    unsigned char *window; /* decompressed bytes at hand, or bytes still to be compressed */
    size_t position, end;  /* in the window: the next byte; behind the last one */
    /*
     * Writing: make room; reading: bring more bytes, moving the rest to the window's start. Leaves at least
     * CODEC_NUMBER_BYTES between position and end, unless the section has no more. Sets `error` when it fails.
     */
    void (*turn)(struct codec *codec);
    void *stream;          /* of `turn` */
    struct error *error;
};

/* The section contradicts itself; `what` is the sentence's end. Only the first failure counts. */
void codec_fail(struct codec *codec, const char *what);

void codec_number(struct codec *codec, uint64_t *value, uint64_t limit);
void codec_bytes(struct codec *codec, void *bytes, uint64_t count);

/* Signed, by how much `value` is away from `*previous`, which becomes `value`. Both within 32 bits, modulo 2^32. */
void codec_difference(struct codec *codec, uint32_t *value, uint32_t *previous);

void codec_flag(struct codec *codec, bool *flag);
void codec_double(struct codec *codec, double *value);
void codec_address(struct codec *codec, address_t *value);

/* Into or out of an array of `bytes`, with its zero. What is not printable ASCII becomes '?': a file may be hostile. */
void codec_text(struct codec *codec, char *text, size_t bytes);

/* A text or NULL. Reading, it is owned by `texts`. */
void codec_kept_text(struct codec *codec, const char **text, struct kept_text **texts);

/* A text or NULL, each owned by its bearer. */
void codec_owned_text(struct codec *codec, char **text);

/* The same, where nothing is printed without it: NULL is damage. */
void codec_needed_text(struct codec *codec, char **text);

/* Zeroed memory for `count` items, each told in this section by `told_bytes` at least; NULL when it fails. */
void *codec_allocate(struct codec *codec, uint64_t count, size_t item_bytes, size_t told_bytes);

/* Take this much off the memory that the model may have; false when it is too much. */
bool codec_charge(struct codec *codec, uint64_t bytes);

/* Any integer type: the value is held against `limit` before it is narrowed. */
#define CODEC_NUMBER(codec, value, limit)              \
    do {                                               \
        uint64_t number_ = (uint64_t)(value);          \
        codec_number((codec), &number_, (limit));      \
        (value) = (__typeof__(value))number_;          \
    } while (0)

/* How many items a growable array (base/array.h) has; reading, room for them. Each is told by `told_bytes` at least. */
#define CODEC_ITEMS(codec, items, count, capacity, told_bytes)                        \
    do {                                                                              \
        uint64_t told_ = (count);                                                     \
        CODEC_NUMBER((codec), told_, UINT32_MAX);                                     \
        if (!(codec)->writing) {                                                      \
            (items) = codec_allocate((codec), told_, sizeof(*(items)), (told_bytes)); \
            (count) = (capacity) = (items) ? told_ : 0;                               \
        }                                                                             \
    } while (0)

#endif
