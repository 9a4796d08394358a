/*
 * heap_user.c: notes which threads come by a heap.
 *
 * Owns the numbers of threads. An address that belongs to a thread (its thread pointer, its id) may come back with
 * another thread; a number does not.
 */
#include "heap_user.h"

/* A host hands a state over soon after it was made, or never: few turns prove nothing. */
#define TURNS_AT_HOME 16

/* A host that has two threads use one state may have them use any: for ever. */
static atomic_bool any_shared;

_Thread_local struct turn this_turn;

static _Atomic uint64_t threads; /* numbers given */

static uint64_t number_of_this_thread(void)
{
    if (this_turn.thread == 0)
        this_turn.thread = atomic_fetch_add(&threads, 1) + 1;
    return this_turn.thread;
}

void heap_user_begin(struct heap_user *user)
{
    atomic_store(&user->thread, number_of_this_thread());
    atomic_store(&user->turn, this_turn.turn);
}

void heap_user_note_shared(struct heap_user *user)
{
    atomic_store(&user->shared, true);
    atomic_store(&any_shared, true);
}

void heap_user_note_turn(struct heap_user *user)
{
    if (atomic_load(&user->thread) != number_of_this_thread()) {
        heap_user_note_shared(user);
        atomic_store(&user->thread, this_turn.thread);
    } else if (!atomic_load(&user->shared)) {
        atomic_fetch_add(&user->turns, 1);
    }
    atomic_store(&user->turn, this_turn.turn);
}

bool heap_user_is_home(const struct heap_user *user)
{
    return !atomic_load(&any_shared) && atomic_load(&user->thread) == this_turn.thread
        && atomic_load(&user->turns) >= TURNS_AT_HOME;
}

void heap_user_forked(struct heap_user *user)
{
    if (atomic_load(&user->shared) || atomic_load(&user->thread) != this_turn.thread)
        atomic_store(&user->stranded, true);
}
