/*
 * spare.c: the heap of a closed state, kept for the next one.
 *
 * Owns the one place where it waits, an atomic pointer: whoever swaps it out has it, so neither threads nor fork need a
 * lock.
 */
#include "spare.h"

#include "purger.h"
#include "settings.h"

static _Atomic(struct heap *) spare;

void spare_keep(struct heap *heap)
{
    /* Without the purger it would stay for ever. */
    struct heap *surplus = heap;
    if (SETTING(background) && heap_recycle(heap)) {
        heap->spare_since_ms = clock_ms();
        surplus = atomic_exchange(&spare, heap);
        purger_wake();
    }
    if (surplus)
        heap_destroy(surplus);
}

struct heap *spare_take(void)
{
    return atomic_load_explicit(&spare, memory_order_relaxed) ? atomic_exchange(&spare, NULL) : NULL;
}

bool spare_decay(uint64_t age_ms)
{
    struct heap *heap = spare_take();
    if (!heap)
        return false;
    struct heap *none = NULL;
    if (clock_ms() - heap->spare_since_ms < age_ms && atomic_compare_exchange_strong(&spare, &none, heap))
        return true;
    heap_destroy(heap);
    return false;
}
