/*
 * heap_user.h: which threads use a heap, and in how many turns.
 *
 * A turn is what a thread does between two waits of its event loop. The allocator's slow path notes who came by, so the
 * fast path pays nothing; short turns may pass unseen, which only delays a proof. Any thread, no lock.
 */
#ifndef RESPIRE_RUNTIME_HEAP_USER_H
#define RESPIRE_RUNTIME_HEAP_USER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Where a thread is. The number is never given to a second thread; 0: this thread has not come by any heap. */
struct turn {
    uint64_t thread;
    uint64_t turn; /* the event loop counts it up */
};

extern _Thread_local struct turn this_turn;

struct heap_user {
    _Atomic uint64_t thread; /* that came by last */
    _Atomic uint64_t turn;   /* ... in this turn of its */
    atomic_uint turns;       /* turns of the thread that opened the heap */
    atomic_bool shared;      /* more than one thread came by: for ever */
    atomic_bool stranded;    /* its thread may have been inside Lua when another one forked: for ever */
};

/* The calling thread opens the heap. */
void heap_user_begin(struct heap_user *user);

/* heap_user_note's cold half. */
void heap_user_note_turn(struct heap_user *user) __attribute__((cold));

static inline void heap_user_note(struct heap_user *user)
{
    if (atomic_load_explicit(&user->thread, memory_order_relaxed) != this_turn.thread
        || atomic_load_explicit(&user->turn, memory_order_relaxed) != this_turn.turn)
        heap_user_note_turn(user);
}

/* More than one thread uses it, as the caller found out in another way. */
void heap_user_note_shared(struct heap_user *user);

/* The calling thread opened the heap, and came by in so many turns that it is its home; no other thread ever came by,
   and neither did two by any other heap of the process. */
bool heap_user_is_home(const struct heap_user *user);

/* After fork, in the child: nobody will ever know what threads that did not come along were doing. */
void heap_user_forked(struct heap_user *user);

#endif
