#include "walk/string_pattern.h"

#include <string.h>

#include "base/size.h"

enum {
    CLASS_DIGIT = 1,
    CLASS_LOWER = 2,
    CLASS_UPPER = 4,
    CLASS_HEX = 8, /* beside one of the three above */
    CLASS_SEPARATOR = 16,
    CLASS_LETTER = CLASS_LOWER | CLASS_UPPER,
    CLASS_WORD = CLASS_DIGIT | CLASS_LETTER,

    HEX_MIN = 8,     /* a shorter hexadecimal number may as well be a word */
    MIXED_MIN = 8,   /* a shorter word may have several numbers in it */
    RANDOM_MIN = 16, /* a shorter word may change between cases at will */
    UUID_BYTES = 36,
};

static const uint8_t classes[256] = {
    [' ' ... '/'] = CLASS_SEPARATOR,
    ['0' ... '9'] = CLASS_DIGIT | CLASS_HEX,
    [':' ... '@'] = CLASS_SEPARATOR,
    ['A' ... 'F'] = CLASS_UPPER | CLASS_HEX,
    ['G' ... 'Z'] = CLASS_UPPER,
    ['[' ... '`'] = CLASS_SEPARATOR,
    ['a' ... 'f'] = CLASS_LOWER | CLASS_HEX,
    ['g' ... 'z'] = CLASS_LOWER,
    ['{' ... '~'] = CLASS_SEPARATOR,
};

struct scan {
    const unsigned char *at, *end;
    bool show_contents;
    struct string_pattern *pattern;
    bool ended; /* the rest is * */
};

/* What is known of a run of letters and digits. */
struct word {
    size_t bytes;
    uint8_t all, any; /* classes that all of its bytes have, and any */
    unsigned digit_runs, changes;
};

static void put(struct scan *scan, const char *text, size_t bytes)
{
    struct string_pattern *pattern = scan->pattern;
    if (pattern->bytes + bytes > PATTERN_BYTES - 2) {
        scan->ended = true;
        return;
    }
    memcpy(pattern->text + pattern->bytes, text, bytes);
    pattern->bytes += (uint8_t)bytes;
}

static struct word measure_word(const struct scan *scan)
{
    struct word word = {.all = UINT8_MAX};
    uint8_t before = 0;
    for (const unsigned char *at = scan->at; at < scan->end && classes[*at] & CLASS_WORD; at++, word.bytes++) {
        uint8_t class = classes[*at];
        bool changed = !(class & before & CLASS_WORD);
        word.changes += changed && before;
        word.digit_runs += changed && class & CLASS_DIGIT;
        word.all &= class;
        word.any |= class;
        before = class;
    }
    return word;
}

static bool is_hex_number(const struct word *word)
{
    bool one_case = (word->any & CLASS_LETTER) != CLASS_LETTER;
    return word->bytes >= HEX_MIN && word->all & CLASS_HEX && word->any & CLASS_DIGIT && one_case;
}

/* 8-4-4-4-12 hexadecimal digits. */
static bool is_uuid(const struct scan *scan)
{
    if (scan->end - scan->at < UUID_BYTES)
        return false;
    for (unsigned i = 0; i < UUID_BYTES; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? scan->at[i] != '-' : !(classes[scan->at[i]] & CLASS_HEX))
            return false;
    }
    return scan->end - scan->at == UUID_BYTES || !(classes[scan->at[UUID_BYTES]] & CLASS_WORD);
}

static bool is_random(const struct word *word)
{
    return (word->bytes >= MIXED_MIN && word->digit_runs > 1)
        || (word->bytes >= RANDOM_MIN && word->changes * 2 >= word->bytes);
}

static void put_letters(struct scan *scan, const unsigned char *letters, size_t bytes)
{
    char piece[] = "a{00}";
    if (scan->show_contents)
        return put(scan, (const char *)letters, bytes);
    char *digit = piece + 2;
    if (bytes >= 10)
        *digit++ = (char)('0' + bytes / 10);
    *digit++ = (char)('0' + bytes % 10);
    *digit++ = '}';
    put(scan, piece, (size_t)(digit - piece));
}

/* A word that is no number: its letters, with runs of digits as %d. */
static void put_word(struct scan *scan, size_t bytes)
{
    const unsigned char *at = scan->at, *end = scan->at + bytes;
    while (at < end && !scan->ended) {
        const unsigned char *start = at;
        uint8_t kind = classes[*at] & CLASS_LETTER ? CLASS_LETTER : CLASS_DIGIT;
        while (at < end && classes[*at] & kind)
            at++;
        if (kind == CLASS_DIGIT)
            put(scan, "%d", 2);
        else
            put_letters(scan, start, (size_t)(at - start));
    }
}

/* Base64 and its kin have more than letters and digits. */
static bool may_be_random(unsigned char byte)
{
    return classes[byte] & CLASS_WORD || byte == '+' || byte == '/' || byte == '=' || byte == '_' || byte == '-';
}

static void skip_random(struct scan *scan)
{
    put(scan, "*", 1);
    while (scan->at < scan->end && may_be_random(*scan->at))
        scan->at++;
}

static void scan_word(struct scan *scan)
{
    struct word word = measure_word(scan);
    if (word.bytes == 8 && word.all & CLASS_HEX && is_uuid(scan)) {
        put(scan, "%u", 2);
        word.bytes = UUID_BYTES;
    } else if (word.all & CLASS_DIGIT) {
        put(scan, "%d", 2);
    } else if (is_hex_number(&word)) {
        put(scan, "%x", 2);
    } else if (is_random(&word)) {
        skip_random(scan);
        return;
    } else {
        put_word(scan, word.bytes);
    }
    scan->at += word.bytes;
}

static void scan_separator(struct scan *scan)
{
    put(scan, (const char *)scan->at, 1);
    scan->at++;
    if (!scan->pattern->prefix_bytes && scan->pattern->bytes > 1)
        scan->pattern->prefix_bytes = scan->pattern->bytes;
}

void string_pattern_make(const unsigned char *text, uint64_t length, bool show_contents,
    struct string_pattern *pattern)
{
    struct scan scan = {text, text + size_min(length, PATTERN_TEXT_MAX), show_contents, pattern, false};
    memset(pattern, 0, sizeof(*pattern));
    while (scan.at < scan.end && !scan.ended) {
        if (classes[*scan.at] & CLASS_WORD)
            scan_word(&scan);
        else if (classes[*scan.at] & CLASS_SEPARATOR)
            scan_separator(&scan);
        else
            scan.ended = true;
    }
    bool open = pattern->bytes && pattern->text[pattern->bytes - 1] == '*';
    if ((scan.ended || length > PATTERN_TEXT_MAX) && !open)
        pattern->text[pattern->bytes++] = '*';
    if (pattern->bytes <= pattern->prefix_bytes
        || (pattern->bytes == pattern->prefix_bytes + 1 && pattern->text[pattern->prefix_bytes] == '*'))
        pattern->prefix_bytes = 0;
}

void string_pattern_shorten(const struct string_pattern *pattern, struct string_pattern *shorter)
{
    *shorter = (struct string_pattern){.bytes = (uint8_t)(pattern->prefix_bytes + 1)};
    memcpy(shorter->text, pattern->text, pattern->prefix_bytes);
    shorter->text[pattern->prefix_bytes] = '*';
}
