/*
 * call_times.h: how long each call of a state's lua_Alloc takes, as a histogram, and what happened in the slowest.
 *
 * Times are on the clock, so they hold all that a program would notice: page faults, system calls, waiting for a lock,
 * and also what is no fault of an allocator: another process on the processor, interrupts, the hypervisor.
 */
#ifndef RESPIRE_BENCH_CALL_TIMES_H
#define RESPIRE_BENCH_CALL_TIMES_H

#include <lua.h>

/* Puts itself between a state and its allocator. One state only. */
void call_times_watch(lua_State *lua);

/* Prints a JSON object without a line's end. `histogram` has [lowest nanoseconds, calls] of each bucket in use; a
 * bucket's width is at most a sixteenth of its lowest value. `worst` has the slowest calls, slowest first, with what
 * the thread's counters gained since they were last read, at most 64 calls before. Slow calls in which the thread lost
 * its processor to another are not among them: `preempted_calls` says how many, `worst_preempted` the slowest. */
void call_times_print(void);

#endif
