/*
 * purger.h: the thread that gives pages back in the background.
 */
#ifndef RESPIRE_RUNTIME_PURGER_H
#define RESPIRE_RUNTIME_PURGER_H

#include <stdint.h>

/* Let purger_wake start the thread; without this call there never is one. */
void purger_enable(uint64_t decay_ms);

/* Start the thread if it does not run, and let it look for work. Any thread, no lock of ours held. */
void purger_wake(void);

/* After fork, in the child: the thread did not come along. */
void purger_forget(void);

#endif
