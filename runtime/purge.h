/*
 * purge.h: give free memory of one heap back to the system.
 */
#ifndef RESPIRE_RUNTIME_PURGE_H
#define RESPIRE_RUNTIME_PURGE_H

#include "heap.h"

struct purge_result {
    uint64_t bytes; /* returned: pages and free large mappings */
    uint64_t calls; /* system calls that did it */
    bool pending;   /* something is free but was not for long enough */
};

/* One pass over the heap. `now` false: what the decay lets go of (decay.h). `now` true: everything free. */
void heap_purge(struct heap *heap, bool now, struct purge_result *result);

/* The system has no more for us: give back everything free, so that it may be taken in another shape. False: there was
   nothing. Called by the mutator without the lock. */
bool heap_make_room(struct heap *heap);

/* Between these no purge is at work anywhere: for fork. Waits for at most one group (512 KiB) to be returned. */
void purge_gate_close(void);
void purge_gate_open(void);

#endif
