/*
 * decay.h: how many free pages a heap may keep just now.
 *
 * Pages that become free are let go of along a smooth curve over `decay_ms`: slowly at first, while the program may
 * well want them back, fastest in the middle, all of them at the end (the idea is jemalloc's). A load that breathes
 * faster than the decay so keeps what it is about to use again, and one that falls silent loses all.
 * No clock reading or stamp on the free path: what became free is the growth of the count between two looks, and what
 * was taken and freed again in between.
 */
#ifndef RESPIRE_RUNTIME_DECAY_H
#define RESPIRE_RUNTIME_DECAY_H

#include <stdint.h>

#define DECAY_STEPS 8

struct decay {
    uint64_t became_free[DECAY_STEPS]; /* pages, by age in steps: the newest first */
    uint64_t free_pages;               /* at the last look, after what it gave back */
    uint64_t step;                     /* number of the step of the last look, since the clock's zero */
};

/* A look at `now_ms`, with `free_pages` free, `taken_pages` of which at most were in use since the last look: how many
   of them may stay. */
uint64_t decay_allowance(struct decay *decay, uint64_t free_pages, uint64_t taken_pages, uint64_t now_ms,
                         uint64_t decay_ms);

/* The end of a look: `free_pages` are left. */
void decay_settle(struct decay *decay, uint64_t free_pages);

#endif
