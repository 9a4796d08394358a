/*
 * signal_frame.h: does this thread run a signal handler?
 *
 * poll and select may be called by a handler, which may have interrupted anything: Lua in the middle of an instruction,
 * malloc, ourselves. Both functions may be called there too.
 */
#ifndef RESPIRE_RUNTIME_SIGNAL_FRAME_H
#define RESPIRE_RUNTIME_SIGNAL_FRAME_H

#include <stdbool.h>

/* Remember where the calling thread's stack ends. Not in a signal handler. */
void signal_frame_note_stack(void);

/*
 * True: a handler runs, or it can't be told: the thread is on a stack that was never noted (the first thread's is
 * always known), its own being in use by more than 1 MiB of frames included, or this is a machine whose signal frames
 * aren't known. `frame` is the frame address of a function that has not returned.
 */
bool in_signal_handler(const void *frame);

#endif
