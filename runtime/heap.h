/*
 * heap.h: one heap, for one lua_State.
 *
 * Who may do what:
 *   - the mutator is the thread that is inside Lua right now, one at a time. It alone allocates, frees, sets bits
 *     and counts, and needs no lock for that as long as it stays in its open holes and the objects it owns;
 *   - the purger (a thread, or the mutator itself in a trim) returns free pages. It works on idle sections only;
 *   - `lock` guards the tables, the regions, the states of sections and what is offered. It is held for list work
 *     only, never by the purger across a system call. So the mutator never waits for one of the purger's.
 *
 * heap.c makes and ends heaps and owns their tables; block.c offers and claims sections; small.c, medium.c and
 * large.c allocate; allocate.c is the lua_Alloc function over them; purge.c gives back.
 */
#ifndef RESPIRE_RUNTIME_HEAP_H
#define RESPIRE_RUNTIME_HEAP_H

#include "decay.h"
#include "geometry.h"
#include "heap_user.h"
#include "idle_gc.h"
#include "lua_functions.h"

#include <pthread.h>
#include <stdatomic.h>

/* Free mappings kept for reuse until they decay. */
#define LARGE_KEPT_MAX 16

/* A lane is one open hole and the section that it is cut from. Lanes are numbered as the kinds, for objects of these
   kinds; the last one is for what did not fit in the present hole of KIND_ANY and is too big to give that up for. */
#define LANE_BIG KINDS
#define LANES RESPIRE_IMAGE_HOLES

struct lane {
    struct block *block;   /* NULL: no section claimed */
    uint32_t section;
    uint32_t scanned;      /* granule of the block up to which holes were looked for */
    uint32_t claimed_live; /* live granules of the section when it was claimed */
    uint32_t opened;       /* granules of all holes opened since */
};

struct heap {
    struct respire_heap_image image; /* first: the heap's address is g->allocd and the image's */

    /* mutator only */
    struct lane lanes[LANES];
    uint64_t opened_bytes;    /* of all holes that were ever opened; the purger reads it */
    uintptr_t next_block_hint;
    uint32_t medium_slot;     /* where the last medium object was placed, ... */
    uint32_t medium_cursor;   /* ... and the granule below which no room for one is known there */
    uint32_t undersized;      /* large mappings whose object shrank below LARGE_BYTES (see large.c) */
    void *state_block;        /* the first object: Lua's global state, freed last */
    bool held_open;           /* respire itself ends this heap, not the free of state_block */
    bool closing;             /* lua_close is running */
    uint64_t closing_bytes;   /* allocated since */
    struct lua_functions functions;

    /* under lock */
    pthread_mutex_t lock;
    uint64_t *warm[KINDS];    /* bit per block slot: has an offered section with memory in it */
    uint64_t *cold[KINDS];    /* ... has an offered section without a single page */
    uint64_t lowest_empty_slot;
    struct block *fresh;      /* added and not used yet: not for the purger */
    uint32_t kept_count;      /* free large mappings in the table */
    uint64_t kept_bytes;
    uint64_t large_bytes;      /* large mappings, kept ones included */
    uint64_t large_peak_bytes; /* the most that was ever in use of these */
    uint64_t kept[LARGE_KEPT_MAX]; /* their addresses */

    atomic_bool work;         /* there may be something to purge */
    atomic_bool abandoned;    /* ended by the mutator while the purger was in it */
    bool pending;             /* purger only: something is free and not yet old enough */
    struct decay decay;         /* purger only */
    uint64_t opened_bytes_seen; /* purger only */

    struct heap_user user;
    struct heap_idle idle;

    uint64_t spare_since_ms;    /* while it is nobody's: see spare.c */

    /* under the registry's lock */
    struct heap *next;
    struct heap *previous;
};

/* An empty heap. NULL: no memory, or a machine with other pages. `background`: 0 or 1. */
struct heap *heap_create(uint64_t decay_ms, uint64_t background);

/* Return everything. Nobody may be using the heap or anything in it. */
void heap_destroy(struct heap *heap);

/* Map what a new state needs, before it begins: LuaJIT can't stand it when memory runs out while it makes a state
   (it walks a string table that isn't there yet). False: no memory. Mutator only. */
bool heap_prepare(struct heap *heap);

/* Make a heap whose state is closed as good as new, with the memory that it has. False: it has too much to be worth
   keeping, and nothing was done. Nobody may be using the heap or anything in it. */
bool heap_recycle(struct heap *heap);

/* Between these the structure part of the image changes; the lock is held all the time. */
static inline void structure_change_begin(struct heap *heap)
{
    __atomic_fetch_add(&heap->image.change_count, 1, __ATOMIC_ACQ_REL);
}

static inline void structure_change_end(struct heap *heap)
{
    __atomic_fetch_add(&heap->image.change_count, 1, __ATOMIC_ACQ_REL);
}

static inline void heap_lock(struct heap *heap)
{
    pthread_mutex_lock(&heap->lock);
}

static inline void heap_unlock(struct heap *heap)
{
    pthread_mutex_unlock(&heap->lock);
}

static inline void heap_note_opened(struct heap *heap, size_t bytes)
{
    __atomic_store_n(&heap->opened_bytes, heap->opened_bytes + bytes, __ATOMIC_RELAXED);
}

static inline struct respire_block_slot *block_slots(struct heap *heap)
{
    return (struct respire_block_slot *)(uintptr_t)heap->image.block_table_address;
}

/* NULL: the slot is empty. Lock held, or the mutator. */
static inline struct block *block_at(struct heap *heap, uint64_t slot)
{
    return (struct block *)(uintptr_t)block_slots(heap)[slot].address;
}

static inline struct respire_large_slot *large_slots(struct heap *heap)
{
    return (struct respire_large_slot *)(uintptr_t)heap->image.large_table_address;
}

/* True when `address` lies in one of the heap's blocks. Takes the lock. */
bool heap_holds(struct heap *heap, const void *address);

/* What the image does not carry ready-made. Mutator only; takes the lock. */
struct heap_measures {
    uint64_t live_bytes; /* in objects, rounded up to their granules */
    uint64_t meta_bytes; /* tables and the headers of blocks */
};
void heap_measure(struct heap *heap, struct heap_measures *measures);

/* Make sure that a slot is free, and stays so until the mutator takes it. False: no memory. Called by the mutator
   without the lock: only it enters blocks and large objects. */
bool heap_reserve_block_slot(struct heap *heap);
bool heap_reserve_large_slot(struct heap *heap);

/* The lua_Alloc function. `heap` is a struct heap. */
void *heap_reallocate(void *heap, void *object, size_t old_bytes, size_t new_bytes);

/* The same while lua_close runs: frees are skipped, since the whole heap goes at the end. */
void *heap_reallocate_closing(void *heap, void *object, size_t old_bytes, size_t new_bytes);

/* Who allocates slowly, calls this: at least one allocation in a few hundred does. */
static inline void heap_note_user(struct heap *heap)
{
    heap_user_note(&heap->user);
}

/* Changes when the state is used. Any thread, no lock: an old value at worst. */
static inline uint64_t heap_activity(const struct heap *heap)
{
    const struct respire_heap_image *image = &heap->image;
    uint64_t activity = __atomic_load_n(&heap->opened_bytes, __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < RESPIRE_IMAGE_HOLES; i++)
        activity = (activity << 7 | activity >> 57) ^ __atomic_load_n(&image->holes[i].next, __ATOMIC_RELAXED);
    return activity;
}

/* Milliseconds of CLOCK_MONOTONIC, coarse. */
uint64_t clock_ms(void);
#ifdef RESPIRE_TESTING
extern uint64_t clock_test_ahead_ms; /* how far the tests have put it forward */
#endif

#endif
