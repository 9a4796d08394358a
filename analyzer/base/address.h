/*
 * Addresses in the target have a type of their own, so that none can be dereferenced by mistake or
 * mixed with a size. Unit: bytes. All arithmetic is checked: what would wrap round yields ADDRESS_NONE
 * or false, never a small number that happens to be mapped.
 */
#ifndef RESPIRE_BASE_ADDRESS_H
#define RESPIRE_BASE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint64_t value;
} address_t;

/* Never a valid user-space address on Linux. */
#define ADDRESS_NONE ((address_t){UINT64_MAX})

static inline address_t address(uint64_t value)
{
    return (address_t){value};
}

static inline bool address_is_null(address_t a)
{
    return a.value == 0;
}

static inline bool address_equal(address_t a, address_t b)
{
    return a.value == b.value;
}

static inline address_t address_add(address_t a, uint64_t bytes)
{
    address_t sum;
    return __builtin_add_overflow(a.value, bytes, &sum.value) ? ADDRESS_NONE : sum;
}

static inline address_t address_subtract(address_t a, uint64_t bytes)
{
    address_t difference;
    return __builtin_sub_overflow(a.value, bytes, &difference.value) ? ADDRESS_NONE : difference;
}

/* Half-open: [start, end). */
struct address_range {
    address_t start;
    address_t end;
};

static inline uint64_t range_bytes(struct address_range range)
{
    return range.end.value > range.start.value ? range.end.value - range.start.value : 0;
}

/* True when all of [start, start + bytes) lies inside the range. */
static inline bool range_holds(struct address_range range, address_t start, uint64_t bytes)
{
    return start.value >= range.start.value && start.value <= range.end.value
        && bytes <= range.end.value - start.value;
}

#endif
