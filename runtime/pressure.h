/*
 * pressure.h: is memory short, so that it should go back at once, or is there time?
 *
 * Above a goal (goal_bytes, goal_percent_of_cgroup) purging and collecting are eager: all that is free goes with the
 * next pass, and idle collection starts with the next wait. Below it they are lazy, as the other options say.
 */
#ifndef RESPIRE_RUNTIME_PRESSURE_H
#define RESPIRE_RUNTIME_PRESSURE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* How often the purger should look while the program is busy. */
#define PRESSURE_LOOK_MS 1000

extern atomic_bool pressure_high; /* read by pressure_is_high alone */

/* As of the purger's last look. Any thread, at any time. */
static inline bool pressure_is_high(void)
{
    return atomic_load_explicit(&pressure_high, memory_order_relaxed);
}

/* Look now. Purger's thread only, and so is the next one: they read files. */
void pressure_look(void);

/* True: the last look found something that may come to be above a goal, so that looking again makes sense. */
bool pressure_has_goal(void);

/* After fork, in the child: it may be put into another group. */
void pressure_forget(void);

#ifdef RESPIRE_TESTING
/* Instead of /proc/self. */
extern const char *pressure_test_process;
#endif

#endif
