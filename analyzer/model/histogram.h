/* Sizes counted by power of two: bin i holds sizes in [2^i, 2^(i+1)). */
#ifndef RESPIRE_MODEL_HISTOGRAM_H
#define RESPIRE_MODEL_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_BINS = 48 };

struct histogram_bin {
    uint64_t count, bytes;
};

struct histogram {
    struct histogram_bin bins[HISTOGRAM_BINS];
};

static inline unsigned histogram_bin(uint64_t bytes)
{
    unsigned bin = bytes ? 63 - (unsigned)__builtin_clzll(bytes) : 0;
    return bin < HISTOGRAM_BINS ? bin : HISTOGRAM_BINS - 1;
}

static inline void histogram_add(struct histogram *histogram, uint64_t bytes)
{
    unsigned bin = histogram_bin(bytes);
    histogram->bins[bin].count++;
    histogram->bins[bin].bytes += bytes;
}

#endif
