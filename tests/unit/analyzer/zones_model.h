/* Shared zones as a look might have shown them, made by hand. */
#ifndef RESPIRE_TESTS_ZONES_MODEL_H
#define RESPIRE_TESTS_ZONES_MODEL_H

#include "model/shared_zones.h"

/*
 * "sessions", a lua_shared_dict of 100 MiB with 300,000 numbers, of which 120,000 have expired, 500 lists, and 77
 * allocations that found no room; "gone", whose pool contradicts itself; "nginx_shared_zone". The process has 41 MiB,
 * 38 MiB of it in zones, and may have 512 MiB.
 */
void zones_model_make(struct shared_zones *zones);

/* Fail the test where the two differ. */
void zones_model_assert_equal(const struct shared_zones *left, const struct shared_zones *right);

#endif
