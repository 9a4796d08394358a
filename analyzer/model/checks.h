/*
 * Conservation equations: what a walker says twice, by two ways of counting. No number is shown whose
 * equations did not hold.
 */
#ifndef RESPIRE_MODEL_CHECKS_H
#define RESPIRE_MODEL_CHECKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { CHECKS_MAX = 32 };

struct check {
    const char *name; /* static text: "live + free + meta = held" */
    uint64_t expected, actual;
    uint64_t tolerance; /* |expected - actual| may be this much; 0 for most */
    bool ok;
    uint64_t unit;      /* by how much one change of the target while it is read can put the two apart; mostly 1 */
};

/* A fixed list: each walker has a handful, known when it is written. */
struct checks {
    struct check items[CHECKS_MAX];
    size_t count;
};

void checks_add(struct checks *checks, const char *name, uint64_t expected, uint64_t actual);
void checks_add_in_units(struct checks *checks, const char *name, uint64_t expected, uint64_t actual, uint64_t unit);
void checks_add_within(struct checks *checks, const char *name, uint64_t expected, uint64_t actual, uint64_t tolerance);

/* Let checks pass whose sides are apart by no more than `changes` of the target explain. */
void checks_forgive(struct checks *checks, uint64_t changes);

/* "check failed: NAME: expected …, found …", ERROR_NOT_UNDERSTOOD, of the first that failed; NULL when all hold. */
struct error *checks_error(const struct checks *checks);

/* The first that failed, or NULL. */
const struct check *checks_first_failed(const struct checks *checks);

#endif
