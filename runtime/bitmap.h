/*
 * bitmap.h: the live bits of one block.
 *
 * One thread writes (the mutator), one other may read at the same time (the purger, in sections that nobody
 * allocates in). So words are read and written with relaxed atomics, which cost nothing, and a change is a plain
 * load and store: there is never a second writer.
 */
#ifndef RESPIRE_RUNTIME_BITMAP_H
#define RESPIRE_RUNTIME_BITMAP_H

#include "geometry.h"

static inline uint64_t bitmap_word(const struct block *block, uint32_t word)
{
    return __atomic_load_n(&block->bitmap[word], __ATOMIC_RELAXED);
}

static inline void bitmap_set_word(struct block *block, uint32_t word, uint64_t value)
{
    __atomic_store_n(&block->bitmap[word], value, __ATOMIC_RELAXED);
}

/* `count` ones from bit `first` on; 1 <= count, first + count <= 64. */
static inline uint64_t bit_run(uint32_t first, uint32_t count)
{
    return (UINT64_MAX >> (64 - count)) << first;
}

static inline void bitmap_change_word(struct block *block, uint32_t word, uint64_t run, bool set)
{
    uint64_t old = bitmap_word(block, word);
    bitmap_set_word(block, word, set ? old | run : old & ~run);
}

static inline void bitmap_change(struct block *block, uint32_t granule, uint32_t count, bool set)
{
    uint32_t word = granule / 64;
    uint32_t first = granule % 64;
    while (count > 0) {
        uint32_t here = count < 64 - first ? count : 64 - first;
        bitmap_change_word(block, word, bit_run(first, here), set);
        count -= here;
        first = 0;
        word++;
    }
}

/* True when `count` granules from `granule` on are all taken. */
static inline bool bitmap_is_taken(const struct block *block, uint32_t granule, uint32_t count)
{
    uint32_t word = granule / 64;
    uint32_t first = granule % 64;
    while (count > 0) {
        uint32_t here = count < 64 - first ? count : 64 - first;
        uint64_t run = bit_run(first, here);
        if ((bitmap_word(block, word) & run) != run)
            return false;
        count -= here;
        first = 0;
        word++;
    }
    return true;
}

/* The next run of free granules in [*from, limit) of at least `wanted`: its start in *from, its length returned
   (cut at limit). 0: there is none. */
static inline uint32_t bitmap_find_hole(const struct block *block, uint32_t *from, uint32_t limit, uint32_t wanted)
{
    uint32_t at = *from;
    while (at < limit) {
        uint64_t free_bits = ~bitmap_word(block, at / 64) >> (at % 64);
        if (free_bits == 0) {
            at = (at / 64 + 1) * 64;
            continue;
        }
        uint32_t start = at + (uint32_t)__builtin_ctzll(free_bits);
        uint32_t end = start;
        while (end < limit) {
            uint64_t taken = bitmap_word(block, end / 64) >> (end % 64);
            if (taken != 0) {
                end += (uint32_t)__builtin_ctzll(taken);
                break;
            }
            end = (end / 64 + 1) * 64;
        }
        if (end > limit)
            end = limit;
        if (start < limit && end - start >= wanted) {
            *from = start;
            return end - start;
        }
        at = end;
    }
    return 0;
}

#endif
