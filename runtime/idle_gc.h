/*
 * idle_gc.h: Lua's collector, stepped while its thread has nothing else to do.
 *
 * LuaJIT collects while it allocates, so what a burst leaves behind stays until the next one. The event loop asks here
 * whether there is something to collect for the calling thread, and then for one slice after the other.
 */
#ifndef RESPIRE_RUNTIME_IDLE_GC_H
#define RESPIRE_RUNTIME_IDLE_GC_H

#include "lua_rest.h"

#include <stdbool.h>
#include <stdint.h>

struct heap;

/* Of a heap; touched by the thread that may collect it, alone. */
struct heap_idle {
    uint64_t seen;         /* heap_activity at the last look or slice */
    uint64_t paused;       /* ... after the last slice */
    uint64_t collected;    /* ... at the end of the last collection */
    uint64_t quiet_since_ns; /* since when activity is as seen */
    uint64_t passed_turn;  /* the thread's turn in which this heap was done with */
    bool refused;          /* for ever */
    struct lua_rest_words words;
    uint64_t ended_ns;     /* the last collection; CLOCK_MONOTONIC */
    uint64_t took_ns;
    int after_kib;         /* what it left, as the collector counts; 0: there was none */
    unsigned cycles_left;  /* of the collection that is under way; 0: there is none */
    /* of the collection that is under way or was last, for the log */
    unsigned slices;
    unsigned errors;
    uint64_t longest_ns;
    int before_kib;
};

enum idle_need {
    IDLE_NOTHING, /* until this thread has been busy again */
    IDLE_LATER,   /* look again after *later_ns more of idleness */
    IDLE_NOW      /* call idle_gc_slice */
};

/*
 * Is there something to collect for this thread? `frame`: of a function that has not returned (see signal_frame.h).
 * `idle`: the thread has been in one wait for all of idle_gc_ms. Nothing is ever waited for; errno stays.
 */
enum idle_need idle_gc_look(const void *frame, bool idle, uint64_t *later_ns);

/* About a millisecond of collecting, for the heap that the last look chose. False: that one is done. errno stays. */
bool idle_gc_slice(void);

#endif
