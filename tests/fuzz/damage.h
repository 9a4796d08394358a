/*
 * How an input of a fuzzer damages an image: a list of patches. And what they have overwritten, so that the next input
 * finds the image whole.
 */
#ifndef RESPIRE_FUZZ_DAMAGE_H
#define RESPIRE_FUZZ_DAMAGE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { DAMAGE_MAX = 64 }; /* places that an input may overwrite */

/* Eight bytes of an input; what each means is the fuzzer's. */
struct patch {
    uint8_t operation, choice;
    uint16_t small;
    uint32_t place;
};

static inline size_t patch_count(size_t input_bytes)
{
    size_t count = input_bytes / sizeof(struct patch);
    return count < DAMAGE_MAX ? count : DAMAGE_MAX;
}

static inline struct patch patch_at(const uint8_t *input, size_t i)
{
    struct patch patch;
    memcpy(&patch, input + i * sizeof(patch), sizeof(patch));
    return patch;
}

/* Another place than the patch's own, far away, the same each time. */
static inline uint64_t patch_elsewhere(struct patch patch)
{
    return (uint64_t)patch.place * 2654435761u;
}

/* What is written over `value` at address `place`; `other`: an address that the patch may point it to. */
static inline uint64_t patch_value(struct patch patch, unsigned operation, uint64_t value, uint64_t place,
    uint64_t other)
{
    switch (operation) {
    case 0: return value ^ (uint64_t)1 << patch.small % 64;
    case 1: return patch.small;
    case 2: return place; /* a pointer to itself: a cycle */
    case 3: return other;
    case 4: return value + (uint64_t)(int64_t)(int16_t)patch.small;
    default: return UINT64_MAX - patch.small;
    }
}

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
