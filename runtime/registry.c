/*
 * registry.c: all heaps of the process, and what must happen once for all of them: options, fork.
 *
 * Owns the hand-over between a heap's end and the purger: `current` is the heap that the purger is in. Whoever ends
 * that heap only takes it off the list and marks it; the purger returns its memory when it comes out. So closing a
 * state never waits for a purge.
 *
 * fork: the prepare handler takes every lock, in order, so that the child finds all heaps whole; the gate waits for the
 * one group of sections that may be on its way back to the system. Heaps whose thread did not come along simply stay.
 */
#include "registry.h"

#include "event_log.h"
#include "pressure.h"
#include "purge.h"
#include "purger.h"
#include "settings.h"
#include "spare.h"
#include "signal_frame.h"
#include "table_log.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct heap *first;
static struct heap *cursor;  /* the purger's next heap */
static struct heap *current; /* the heap the purger is in */

static void before_fork(void)
{
    settings_lock();
    purge_gate_close();
    pthread_mutex_lock(&lock);
    for (struct heap *heap = first; heap; heap = heap->next)
        heap_lock(heap);
    table_log_lock();
    event_log_lock();
}

static void release_all(void)
{
    event_log_unlock();
    table_log_unlock();
    for (struct heap *heap = first; heap; heap = heap->next)
        heap_unlock(heap);
    pthread_mutex_unlock(&lock);
    purge_gate_open();
    settings_unlock();
}

static void in_child(void)
{
    struct heap *orphan = current && atomic_load(&current->abandoned) ? current : NULL;
    current = NULL;
    cursor = NULL;
    purger_forget();
    pressure_forget();
    /* The next need starts the child's own thread. */
    for (struct heap *heap = first; heap; heap = heap->next) {
        atomic_store(&heap->work, false);
        heap_user_forked(&heap->user);
    }
    release_all();
    if (orphan)
        heap_destroy(orphan);
}

static void start(void)
{
    settings_read_environment();
    pthread_atfork(before_fork, release_all, in_child);
}

void registry_start(void)
{
    pthread_once(&once, start);
}

/* Readers take no lock of ours: each setting is one store. */
static void show_settings(struct heap *heap)
{
    heap_lock(heap);
    __atomic_store_n(&heap->image.decay_ms, SETTING(decay_ms), __ATOMIC_RELAXED);
    __atomic_store_n(&heap->image.background, SETTING(background), __ATOMIC_RELAXED);
    heap_unlock(heap);
}

bool registry_settings_changed(void)
{
    pthread_mutex_lock(&lock);
    bool any = first != NULL;
    for (struct heap *heap = first; heap; heap = heap->next)
        show_settings(heap);
    pthread_mutex_unlock(&lock);
    return any;
}

struct heap *registry_open(void)
{
    registry_start();
    struct heap *heap = spare_take();
    if (!heap)
        heap = heap_create(SETTING(decay_ms), SETTING(background));
    if (!heap)
        return NULL;
    if (!heap_prepare(heap)) {
        heap_destroy(heap);
        return NULL;
    }
    heap_user_begin(&heap->user);
    signal_frame_note_stack();
    pthread_mutex_lock(&lock);
    show_settings(heap); /* a change that has not seen it on the list yet is seen here */
    heap->next = first;
    if (first)
        first->previous = heap;
    first = heap;
    pthread_mutex_unlock(&lock);
    event_log("heap %p created", (void *)heap);
    return heap;
}

static void log_end(struct heap *heap)
{
    heap_lock(heap);
    unsigned long long held_bytes = heap->image.held_bytes;
    unsigned long long purged_bytes = heap->image.purged_bytes_total;
    unsigned long long calls = heap->image.purge_count;
    heap_unlock(heap);
    event_log("heap %p closed: held %llu KiB, gave back %llu KiB in %llu calls before", (void *)heap, held_bytes / 1024,
              purged_bytes / 1024, calls);
}

void registry_end(struct heap *heap)
{
    log_end(heap);
    pthread_mutex_lock(&lock);
    if (heap->next)
        heap->next->previous = heap->previous;
    if (heap->previous)
        heap->previous->next = heap->next;
    else
        first = heap->next;
    if (cursor == heap)
        cursor = heap->next;
    bool busy = current == heap;
    if (busy)
        atomic_store(&heap->abandoned, true);
    pthread_mutex_unlock(&lock);
    if (!busy)
        spare_keep(heap);
}

struct heap *registry_find(const void *state)
{
    struct heap *found = NULL;
    if (!state)
        return NULL;
    pthread_mutex_lock(&lock);
    for (struct heap *heap = first; heap && !found; heap = heap->next) {
        if (heap->image.state_address == (uintptr_t)state)
            found = heap;
    }
    for (struct heap *heap = first; heap && !found; heap = heap->next) {
        if (heap_holds(heap, state))
            found = heap;
    }
    pthread_mutex_unlock(&lock);
    return found;
}

bool registry_search(bool wait, bool (*matches)(struct heap *, void *), void *data, struct heap **found)
{
    *found = NULL;
    if (wait)
        pthread_mutex_lock(&lock);
    else if (pthread_mutex_trylock(&lock) != 0)
        return false;
    for (struct heap *heap = first; heap && !*found; heap = heap->next) {
        if (matches(heap, data))
            *found = heap;
    }
    pthread_mutex_unlock(&lock);
    return true;
}

bool registry_was_active(void)
{
    static uint64_t seen_bytes;
    uint64_t opened_bytes = 0;
    pthread_mutex_lock(&lock);
    for (struct heap *heap = first; heap; heap = heap->next)
        opened_bytes += __atomic_load_n(&heap->opened_bytes, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&lock);
    bool changed = opened_bytes != seen_bytes;
    seen_bytes = opened_bytes;
    return changed;
}

/* The next heap that has or may have something free, as `current`. NULL: no more in this pass. */
static struct heap *enter_next(void)
{
    pthread_mutex_lock(&lock);
    while (cursor && !atomic_load(&cursor->work) && !cursor->pending)
        cursor = cursor->next;
    current = cursor;
    if (cursor)
        cursor = cursor->next;
    struct heap *entered = current;
    pthread_mutex_unlock(&lock);
    return entered;
}

static void leave(struct heap *heap)
{
    pthread_mutex_lock(&lock);
    current = NULL;
    bool abandoned = atomic_load(&heap->abandoned);
    pthread_mutex_unlock(&lock);
    if (abandoned)
        heap_destroy(heap);
}

bool registry_purge(void)
{
    bool eager = pressure_is_high();
    bool looked = spare_decay(eager ? 0 : SETTING(decay_ms));
    struct purge_result total = {0};
    pthread_mutex_lock(&lock);
    cursor = first;
    pthread_mutex_unlock(&lock);
    for (struct heap *heap = enter_next(); heap; heap = enter_next()) {
        struct purge_result result = {0};
        looked = true;
        atomic_store(&heap->work, false);
        heap_purge(heap, eager, &result);
        heap->pending = result.pending;
        total.bytes += result.bytes;
        total.calls += result.calls;
        leave(heap);
    }
    if (total.bytes > 0)
        event_log("purged %llu KiB in %llu calls", (unsigned long long)total.bytes / 1024,
                  (unsigned long long)total.calls);
    return looked;
}
