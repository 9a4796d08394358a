#include "model/checks.h"

#include <inttypes.h>

#include <assert.h>

void checks_add(struct checks *checks, const char *name, uint64_t expected, uint64_t actual)
{
    checks_add_within(checks, name, expected, actual, 0);
}

void checks_add_within(struct checks *checks, const char *name, uint64_t expected, uint64_t actual, uint64_t tolerance)
{
    assert(checks->count < CHECKS_MAX);
    uint64_t apart = expected > actual ? expected - actual : actual - expected;
    checks->items[checks->count++] = (struct check){name, expected, actual, tolerance, apart <= tolerance};
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
