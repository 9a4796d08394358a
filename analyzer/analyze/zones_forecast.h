/*
 * Can what zones have not loaded yet still be had? Pages of zones are charged once, to the group of whoever touches
 * them first; in RSS they count in each process that has touched them.
 */
#ifndef RESPIRE_ANALYZE_ZONES_FORECAST_H
#define RESPIRE_ANALYZE_ZONES_FORECAST_H

#include "model/shared_zones.h"
#include "target/memory_limit.h"
#include "target/target.h"

/* What the machine and the process's groups say now. */
struct memory_now {
    uint64_t rss_bytes, available_bytes;
    struct memory_limit limit;
};

void memory_now_read(const struct target *target, struct memory_now *now);

/* Fills zones->forecast. Zones without residency (a core file) forecast nothing: all of it stays 0. */
void zones_forecast_make(const struct memory_now *now, struct shared_zones *zones);

#endif
