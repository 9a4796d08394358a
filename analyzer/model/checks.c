#include "model/checks.h"

#include <inttypes.h>

#include <assert.h>

static uint64_t sides_apart(const struct check *check)
{
    return check->expected > check->actual ? check->expected - check->actual : check->actual - check->expected;
}

void checks_add(struct checks *checks, const char *name, uint64_t expected, uint64_t actual)
{
    checks_add_within(checks, name, expected, actual, 0);
}

void checks_add_in_units(struct checks *checks, const char *name, uint64_t expected, uint64_t actual, uint64_t unit)
{
    checks_add(checks, name, expected, actual);
    checks->items[checks->count - 1].unit = unit;
}

void checks_add_within(struct checks *checks, const char *name, uint64_t expected, uint64_t actual, uint64_t tolerance)
{
    assert(checks->count < CHECKS_MAX);
    struct check check = {name, expected, actual, tolerance, false, 1};
    check.ok = sides_apart(&check) <= tolerance;
    checks->items[checks->count++] = check;
}

void checks_forgive(struct checks *checks, uint64_t changes)
{
    for (size_t i = 0; i < checks->count; i++) {
        struct check *check = &checks->items[i];
        uint64_t explained;
        if (check->ok)
            continue;
        if (__builtin_mul_overflow(changes, check->unit, &explained))
            explained = UINT64_MAX;
        check->tolerance = explained;
        check->ok = sides_apart(check) <= explained;
    }
}

const struct check *checks_first_failed(const struct checks *checks)
{
    for (size_t i = 0; i < checks->count; i++)
        if (!checks->items[i].ok)
            return &checks->items[i];
    return NULL;
}

struct error *checks_error(const struct checks *checks)
{
    const struct check *failed = checks_first_failed(checks);
    if (!failed)
        return NULL;
    return error_new(ERROR_NOT_UNDERSTOOD, "check failed: %s: expected %" PRIu64 ", found %" PRIu64, failed->name,
        failed->expected, failed->actual);
}
