#include "snapshot/codec.h"

#include <stdlib.h>
#include <string.h>

#include "base/size.h"

void codec_fail(struct codec *codec, const char *what)
{
    if (!codec->error)
        codec->error = error_new(ERROR_NOT_UNDERSTOOD, "%s", what);
}

/* True when `bytes` lie in the window (or find room in it), after a turn where need be. */
static bool at_hand(struct codec *codec, size_t bytes)
{
    if (codec->end - codec->position < bytes && !codec->error)
        codec->turn(codec);
    return !codec->error;
}

static void put_number(struct codec *codec, uint64_t value)
{
    if (!at_hand(codec, CODEC_NUMBER_BYTES))
        return;
    unsigned char *to = codec->window + codec->position;
    for (; value >= 0x80; value >>= 7)
        *to++ = (unsigned char)(value | 0x80);
    *to++ = (unsigned char)value;
    codec->position = (size_t)(to - codec->window);
}

static uint64_t get_number(struct codec *codec)
{
    if (!at_hand(codec, CODEC_NUMBER_BYTES))
        return 0;
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (codec->position == codec->end) {
            codec_fail(codec, "it ends in the middle of a number");
            return 0;
        }
        uint64_t byte = codec->window[codec->position++];
        value |= (byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    codec_fail(codec, "a number has no end");
    return 0;
}

void codec_number(struct codec *codec, uint64_t *value, uint64_t limit)
{
    if (codec->writing) {
        put_number(codec, *value);
        return;
    }
    *value = get_number(codec);
    if (*value > limit) {
        codec_fail(codec, "a number is beyond its limit");
        *value = 0;
    }
}

void codec_difference(struct codec *codec, uint32_t *value, uint32_t *previous)
{
    if (codec->writing) {
        uint32_t difference = *value - *previous;
        put_number(codec, difference << 1 ^ (difference >> 31 ? UINT32_MAX : 0));
    } else {
        uint64_t folded = get_number(codec);
        if (folded > UINT32_MAX)
            codec_fail(codec, "a difference is beyond its limit");
        *value = *previous + ((uint32_t)folded >> 1 ^ (folded & 1 ? UINT32_MAX : 0));
    }
    *previous = *value;
}

void codec_bytes(struct codec *codec, void *bytes, uint64_t count)
{
    unsigned char *at = bytes;
    while (count && at_hand(codec, 1)) {
        size_t now = size_min(count, codec->end - codec->position);
        if (now == 0) {
            codec_fail(codec, "it ends too early");
            break;
        }
        if (codec->writing)
            memcpy(codec->window + codec->position, at, now);
        else
            memcpy(at, codec->window + codec->position, now);
        codec->position += now;
        at += now;
        count -= now;
    }
    if (count && !codec->writing)
        memset(at, 0, count);
}

void codec_flag(struct codec *codec, bool *flag)
{
    CODEC_NUMBER(codec, *flag, 1);
}

void codec_double(struct codec *codec, double *value)
{
    codec_bytes(codec, value, sizeof(*value));
}

void codec_address(struct codec *codec, address_t *value)
{
    CODEC_NUMBER(codec, value->value, UINT64_MAX);
}

static void make_printable(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e)
            *text = '?';
}

void codec_text(struct codec *codec, char *text, size_t bytes)
{
    uint64_t length = codec->writing ? strlen(text) : 0;
    codec_number(codec, &length, bytes - 1);
    codec_bytes(codec, text, length);
    if (!codec->writing) {
        text[length] = 0;
        make_printable(text);
    }
}

void codec_kept_text(struct codec *codec, const char **text, struct kept_text **texts)
{
    char copy[CODEC_TEXT_MAX];
    uint64_t length_and_one = codec->writing && *text ? strnlen(*text, CODEC_TEXT_MAX - 1) + 1 : 0;
    codec_number(codec, &length_and_one, CODEC_TEXT_MAX);
    if (codec->writing) {
        if (length_and_one)
            codec_bytes(codec, memcpy(copy, *text, length_and_one - 1), length_and_one - 1);
        return;
    }
    *text = NULL;
    if (length_and_one == 0)
        return;
    struct kept_text *kept = calloc(1, sizeof(*kept) + length_and_one);
    if (!kept) {
        codec->error = error_no_memory();
        return;
    }
    codec_bytes(codec, kept->text, length_and_one - 1);
    make_printable(kept->text);
    kept->next = *texts;
    *texts = kept;
    *text = kept->text;
}

void codec_owned_text(struct codec *codec, char **text)
{
    char copy[CODEC_TEXT_MAX] = "";
    bool is_there = *text != NULL;
    codec_flag(codec, &is_there);
    if (!is_there)
        return;
    if (codec->writing) {
        strncpy(copy, *text, sizeof(copy) - 1);
        codec_text(codec, copy, sizeof(copy));
        return;
    }
    codec_text(codec, copy, sizeof(copy));
    *text = codec_charge(codec, strlen(copy) + 1) ? strdup(copy) : NULL;
    if (!*text && !codec->error)
        codec->error = error_no_memory();
}

void codec_needed_text(struct codec *codec, char **text)
{
    codec_owned_text(codec, text);
    if (!*text)
        codec_fail(codec, "something of nginx has no name");
}

bool codec_charge(struct codec *codec, uint64_t bytes)
{
    if (codec->error)
        return false;
    if (bytes > *codec->memory_left) {
        codec->error = error_new(ERROR_FAILED, "it is too big for the memory of this machine");
        return false;
    }
    *codec->memory_left -= bytes;
    return true;
}

void *codec_allocate(struct codec *codec, uint64_t count, size_t item_bytes, size_t told_bytes)
{
    uint64_t bytes;
    if (count > codec->raw_bytes / told_bytes)
        codec_fail(codec, "it counts more than it can tell");
    if (!size_of_records(count, item_bytes, item_bytes, &bytes) || !codec_charge(codec, bytes))
        return NULL;
    void *items = calloc(1, bytes);
    if (!items && !codec->error)
        codec->error = error_no_memory();
    return items;
}
