/* A zone made by hand and what is told of its contents, for the tests of their walkers. Included once by a test. */
#ifndef RESPIRE_TESTS_ZONE_FIXTURE_H
#define RESPIRE_TESTS_ZONE_FIXTURE_H

#include "unit.h"

#include "fake_contents.h"
#include "walk/zone_contents.h"

enum { NOW_S = 1000000, NOW_MS = 1000 * NOW_S, MONOTONIC_MS = 50000, LARGEST = 3, NODES_MAX = 700 };

struct fixture {
    struct fake_zone zone;
    enum zone_kind kind;
    const struct nginx_zone_row *row; /* that the zone is laid out by; NULL: by none */
    uint64_t record, nodes[NODES_MAX];
    struct slab_pool pool;
    struct shared_zone told;
};

static inline void forget(struct fixture *f)
{
    slab_pool_free(&f->pool);
    shared_zone_release(&f->told);
}

static inline void end(struct fixture *f)
{
    forget(f);
    fake_zone_end(&f->zone);
}

static inline struct error *read_contents(struct fixture *f, bool show_strings)
{
    forget(f);
    f->told.kind = f->kind;
    assert_null(slab_pool_read(&f->zone.image, f->zone.size_bytes, &f->pool, &f->told.slabs, &f->told.checks));
    const struct zone_reading reading = {
        .image = &f->zone.image, .pool = &f->pool, .now_ms = NOW_MS, .monotonic_ms = MONOTONIC_MS,
        .show_strings = show_strings, .largest_count = LARGEST,
    };
    return zone_contents_read(&reading, &f->told);
}

/* All equations hold. */
static inline const struct zone_contents *told(struct fixture *f, bool show_strings)
{
    assert_null(read_contents(f, show_strings));
    const struct check *failed = checks_first_failed(&f->told.checks);
    if (failed)
        fail_msg("%s", failed->name);
    assert_true(f->told.contents.is_known);
    return &f->told.contents;
}

/* It says that it does not know, or does not understand; or an equation does not hold. */
static inline void assert_noticed(struct fixture *f, const char *what)
{
    struct error *error = read_contents(f, true);
    if (!error && f->told.contents.is_known && !checks_first_failed(&f->told.checks))
        fail_msg("%s: not noticed", what);
    if (error)
        assert_int_equal(error_kind(error), ERROR_NOT_UNDERSTOOD);
    error_free(error);
}

#endif
