/* Time that only goes forward, to measure how long something takes. */
#ifndef RESPIRE_BASE_CLOCK_H
#define RESPIRE_BASE_CLOCK_H

#include <time.h>

static inline double clock_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

#endif
