/* Time that only goes forward, to measure how long something takes; and how times of the kernel are told. */
#ifndef RESPIRE_BASE_CLOCK_H
#define RESPIRE_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t milliseconds(struct timespec time)
{
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static inline double clock_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

#endif
