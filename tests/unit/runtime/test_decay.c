/*
 * How many free pages may stay: the curve, and what reuse does to it.
 */
#include "unit.h"
#include "decay.h"

#include <string.h>

#define DECAY_MS 800
#define STEP_MS (DECAY_MS / DECAY_STEPS)

static struct decay decay;
static uint64_t now_ms;

static int start(void **state)
{
    (void)state;
    memset(&decay, 0, sizeof(decay));
    now_ms = 1000000;
    return 0;
}

/* A look one step later at a program that has `free_pages`, and obeys. */
static uint64_t look(uint64_t free_pages, uint64_t taken_pages)
{
    now_ms += STEP_MS;
    uint64_t allowance = decay_allowance(&decay, free_pages, taken_pages, now_ms, DECAY_MS);
    uint64_t left_pages = free_pages < allowance ? free_pages : allowance;
    decay_settle(&decay, left_pages);
    return left_pages;
}

/* All at first, half of it after half the decay, nothing at the end, and never more than before. */
static void one_burst(void **state)
{
    (void)state;
    uint64_t left = look(1000, 0);
    assert_int_equal(left, 1000);
    for (unsigned step = 1; step <= DECAY_STEPS; step++) {
        uint64_t now = look(left, 0);
        assert_true(now <= left);
        left = now;
        if (step == 1)
            assert_true(left > 980);
        if (step == DECAY_STEPS / 2)
            assert_int_equal(left, 500);
    }
    assert_int_equal(left, 0);
}

/* What is taken and freed again between two looks is as good as new. */
static void breathing(void **state)
{
    (void)state;
    for (unsigned step = 0; step < 5 * DECAY_STEPS; step++)
        assert_int_equal(look(1000, 1000), 1000);
    /* A tenth that is in use does not keep the rest. */
    uint64_t left = 1000;
    for (unsigned step = 0; step <= DECAY_STEPS; step++)
        left = look(left, 100);
    assert_in_range(left, 100, 800);
}

/* After a long silence everything is old, however the clock jumped. */
static void silence(void **state)
{
    (void)state;
    assert_int_equal(look(1000, 0), 1000);
    now_ms += 100 * DECAY_MS;
    assert_int_equal(look(1000, 0), 0);
    assert_int_equal(look(0, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_burst, start),
        cmocka_unit_test_setup(breathing, start),
        cmocka_unit_test_setup(silence, start),
    };
    return cmocka_run_group_tests_name("runtime decay", tests, NULL, NULL);
}
