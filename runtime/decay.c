/*
 * decay.c: how many free pages a heap may keep just now.
 */
#include "decay.h"

#include <string.h>

/* The part of pages of an age that stays: 1 at age 0, 0 at DECAY_STEPS, along 1 - smootherstep. */
static double part_kept(uint32_t age_steps)
{
    double x = (double)age_steps / DECAY_STEPS;
    return 1 - x * x * x * (x * (6 * x - 15) + 10);
}

static void grow_older(struct decay *decay, uint64_t steps)
{
    if (steps > DECAY_STEPS)
        steps = DECAY_STEPS;
    memmove(decay->became_free + steps, decay->became_free, (DECAY_STEPS - steps) * sizeof(decay->became_free[0]));
    memset(decay->became_free, 0, steps * sizeof(decay->became_free[0]));
}

uint64_t decay_allowance(struct decay *decay, uint64_t free_pages, uint64_t taken_pages, uint64_t now_ms,
                         uint64_t decay_ms)
{
    uint64_t step = now_ms / (decay_ms / DECAY_STEPS);
    grow_older(decay, step - decay->step);
    decay->step = step;
    uint64_t stayed_free = decay->free_pages > taken_pages ? decay->free_pages - taken_pages : 0;
    if (free_pages > stayed_free)
        decay->became_free[0] += free_pages - stayed_free;
    double allowance = 0;
    for (uint32_t age = 0; age < DECAY_STEPS; age++)
        allowance += (double)decay->became_free[age] * part_kept(age);
    return (uint64_t)allowance;
}

void decay_settle(struct decay *decay, uint64_t free_pages)
{
    decay->free_pages = free_pages;
}
