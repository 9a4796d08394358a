/*
 * registry.h: all heaps of the process.
 *
 * Order of locks: settings, purge gate, registry, heap, log. Nobody takes an earlier one while holding a later one.
 */
#ifndef RESPIRE_RUNTIME_REGISTRY_H
#define RESPIRE_RUNTIME_REGISTRY_H

#include "heap.h"

/* Once: read the options, be ready for fork. registry_open does it, too. */
void registry_start(void);

/* A new heap, known to the purger and to fork. NULL: no memory. */
struct heap *registry_open(void);

/* The heaps' images show the settings in force again. False: there is no heap. */
bool registry_settings_changed(void);

/* The end of a heap: its memory goes back now, or, when the purger is in it, as soon as that has left. */
void registry_end(struct heap *heap);

/* The heap that a state (the main one or a coroutine) lives on. NULL: it is not on one of ours. */
struct heap *registry_find(const void *state);

/*
 * Show heaps to `matches` until it is true for one, which is then *found; else *found is NULL. `matches` is called
 * under the lock and calls nothing that takes another or waits. False: the lock is taken, and `wait` is false.
 */
bool registry_search(bool wait, bool (*matches)(struct heap *, void *), void *data, struct heap **found);

/* True: some heap has opened holes since the last call, so its state is in use. Purger's thread only. */
bool registry_was_active(void);

/* One pass of the purger over all heaps. False: there was nothing to look at. Purger's thread only. */
bool registry_purge(void);

#endif
