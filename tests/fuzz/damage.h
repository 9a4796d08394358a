/* What an input of a fuzzer has overwritten of an image, so that the next one finds it whole. */
#ifndef RESPIRE_FUZZ_DAMAGE_H
#define RESPIRE_FUZZ_DAMAGE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { DAMAGE_MAX = 64 }; /* places that an input may overwrite */

struct damage {
    struct {
        unsigned char *place;
        uint64_t value; /* of before */
    } items[DAMAGE_MAX];
    size_t count;
};

/* The 8 bytes at `place` are about to be overwritten. Their value. */
static inline uint64_t damage_note(struct damage *damage, unsigned char *place)
{
    uint64_t value;
    memcpy(&value, place, sizeof(value));
    damage->items[damage->count].place = place;
    damage->items[damage->count++].value = value;
    return value;
}

/* Last first: a place can have been overwritten twice. */
static inline void damage_undo(struct damage *damage)
{
    while (damage->count) {
        damage->count--;
        memcpy(damage->items[damage->count].place, &damage->items[damage->count].value, sizeof(uint64_t));
    }
}

#endif
