/* Checked arithmetic on sizes that come from foreign memory. Unit: bytes. */
#ifndef RESPIRE_BASE_SIZE_H
#define RESPIRE_BASE_SIZE_H

#include <stdbool.h>
#include <stdint.h>

/* count * item_bytes + header_bytes; false when it would wrap. */
static inline bool size_of_records(uint64_t count, uint64_t item_bytes, uint64_t header_bytes, uint64_t *bytes)
{
    uint64_t product, sum;
    if (__builtin_mul_overflow(count, item_bytes, &product) || __builtin_add_overflow(product, header_bytes, &sum))
        return false;
    *bytes = sum;
    return true;
}

static inline uint64_t round_down(uint64_t value, uint64_t power_of_two)
{
    return value & ~(power_of_two - 1);
}

/* Saturates at the largest multiple instead of wrapping to 0. */
static inline uint64_t round_up(uint64_t value, uint64_t power_of_two)
{
    uint64_t sum;
    if (__builtin_add_overflow(value, power_of_two - 1, &sum))
        sum = UINT64_MAX;
    return round_down(sum, power_of_two);
}

static inline bool is_power_of_two(uint64_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

static inline uint64_t size_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t size_max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

#endif
