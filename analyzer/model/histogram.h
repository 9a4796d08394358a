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

static inline void histogram_add(struct histogram *histogram, uint64_t bytes)
{
    int bin = bytes ? 63 - __builtin_clzll(bytes) : 0;
    if (bin >= HISTOGRAM_BINS)
        bin = HISTOGRAM_BINS - 1;
    histogram->bins[bin].count++;
    histogram->bins[bin].bytes += bytes;
}

#endif
