/*
 * purger.h: the thread that gives pages back in the background.
 */
#ifndef RESPIRE_RUNTIME_PURGER_H
#define RESPIRE_RUNTIME_PURGER_H

#include <stdbool.h>

/* Obey `decay_ms` from now on, also in a pause that is under way. (With `background` off no thread is started, and one
   that runs sleeps until it is woken.) */
void purger_settings_changed(void);

/* Start the thread if it does not run, and let it look for work. Any thread, no lock of ours but the settings'. */
void purger_wake(void);

/* True: the thread is there. */
bool purger_runs(void);

/* After fork, in the child: the thread did not come along. */
void purger_forget(void);

#endif
