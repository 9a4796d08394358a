/*
 * What a string has in common with others of its making: digits become %d, long hexadecimal numbers %x, UUIDs %u, what
 * looks random *, and all from the first byte on that is not printable.
 *
 *     session:4711                                  session:%d
 *     GET /users/17/files?etag=9f86d081884c7d65     GET /users/%d/files?etag=%x
 *     auth:dGhpcyBpcyBhIHNlY3JldCB0b2tlbg==:user    auth:*:user
 *
 * With contents hidden, a run of letters is told by its length alone: a{7}:%d.
 */
#ifndef RESPIRE_WALK_STRING_PATTERN_H
#define RESPIRE_WALK_STRING_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PATTERN_TEXT_MAX = 64, /* bytes of a string that are looked at */
    PATTERN_BYTES = 48,    /* longest pattern with its zero */
};

struct string_pattern {
    uint8_t bytes;              /* of the text, without the zeros behind it */
    uint8_t prefix_bytes;       /* up to and with the first separator; 0: none, or nothing behind it */
    char text[PATTERN_BYTES];   /* zeros to the end */
};

/* `text` has the first bytes of a string of `length` bytes: all, or PATTERN_TEXT_MAX of them. */
void string_pattern_make(const unsigned char *text, uint64_t length, bool show_contents,
    struct string_pattern *pattern);

/* The coarser pattern: its prefix, which it has, and a *. */
void string_pattern_shorten(const struct string_pattern *pattern, struct string_pattern *shorter);

#endif
