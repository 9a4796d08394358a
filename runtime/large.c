/*
 * large.c: objects of LARGE_BYTES and more, each on a mapping of its own.
 *
 * Owns the large table, a hash table by address with linear probing that lies in the image for the analyzer to read,
 * and two departures from "one object, one mapping":
 *   - a freed mapping is kept for a while, because programs that build long strings free and take
 *     the same sizes over and over. The purger returns it when it is older than the decay;
 *   - an object that shrinks below LARGE_BYTES moves to a block. If there is no memory for that, it stays: Lua may
 *     count on shrinking. heap->undersized then tells the free path to look here.
 */
#include "large.h"

#include "block.h"
#include "corruption.h"
#include "os_memory.h"
#include "purge.h"
#include "table_part.h"

#include <string.h>

static uint64_t first_probe(uint64_t address, uint64_t slots)
{
    return (address / PAGE_BYTES * 0x9E3779B97F4A7C15u >> 20) & (slots - 1);
}

static struct respire_large_slot *find(struct heap *heap, const void *object)
{
    uint64_t slots = heap->image.large_slots;
    struct respire_large_slot *table = large_slots(heap);
    for (uint64_t i = first_probe((uintptr_t)object, slots); table[i].address != 0; i = (i + 1) & (slots - 1)) {
        if (table[i].address == (uintptr_t)object)
            return &table[i];
    }
    return NULL;
}

static void enter(struct respire_large_slot *table, uint64_t slots, struct respire_large_slot entry)
{
    uint64_t i = first_probe(entry.address, slots);
    while (table[i].address != 0)
        i = (i + 1) & (slots - 1);
    table[i] = entry;
}

/* Close the gap that a removed entry leaves, so that probing never needs tombstones. */
static void leave(struct heap *heap, struct respire_large_slot *entry)
{
    struct respire_large_slot *table = large_slots(heap);
    uint64_t mask = heap->image.large_slots - 1;
    uint64_t gap = (uint64_t)(entry - table);
    for (uint64_t i = (gap + 1) & mask; table[i].address != 0; i = (i + 1) & mask) {
        uint64_t home = first_probe(table[i].address, mask + 1);
        if (((i - home) & mask) >= ((i - gap) & mask)) {
            table[gap] = table[i];
            gap = i;
        }
    }
    memset(&table[gap], 0, sizeof(table[gap]));
}

void large_rehash(struct heap *heap, struct respire_large_slot *table, uint64_t slots)
{
    for (uint64_t i = 0; i < heap->image.large_slots; i++) {
        if (large_slots(heap)[i].address != 0)
            enter(table, slots, large_slots(heap)[i]);
    }
}

/* Out of the table and the totals; lock held. */
static void detach(struct heap *heap, struct respire_large_slot *slot)
{
    structure_change_begin(heap);
    heap->image.held_bytes -= slot->mapped_bytes;
    heap->large_bytes -= slot->mapped_bytes;
    heap->image.large_count--;
    leave(heap, slot);
    structure_change_end(heap);
}

/* The reverse. A slot is free. */
static void attach(struct heap *heap, struct respire_large_slot entry)
{
    structure_change_begin(heap);
    enter(large_slots(heap), heap->image.large_slots, entry);
    heap->image.large_count++;
    heap->image.held_bytes += entry.mapped_bytes;
    structure_change_end(heap);
    heap->large_bytes += entry.mapped_bytes;
    if (heap->large_bytes - heap->kept_bytes > heap->large_peak_bytes)
        heap->large_peak_bytes = heap->large_bytes - heap->kept_bytes;
}

/* What large mappings may take with the free ones that are kept: hardly more than those in use once took, so that what
   is kept never shows in the program's peak. */
static uint64_t large_bytes_max(const struct heap *heap)
{
    uint64_t slack = heap->large_peak_bytes / 32;
    return heap->large_peak_bytes + (slack > MIB ? slack : MIB);
}

static void forget_kept(struct heap *heap, uint32_t index, uint64_t mapped_bytes)
{
    heap->kept_bytes -= mapped_bytes;
    heap->kept[index] = heap->kept[--heap->kept_count];
}

/* The tightest kept mapping that wastes at most a quarter. */
static void *reuse_kept(struct heap *heap, size_t bytes)
{
    struct respire_large_slot *best = NULL;
    uint32_t best_index = 0;
    size_t mapped_bytes = round_up(bytes, PAGE_BYTES);
    for (uint32_t i = 0; i < heap->kept_count; i++) {
        struct respire_large_slot *slot = find(heap, (void *)(uintptr_t)heap->kept[i]);
        if (slot && slot->mapped_bytes >= mapped_bytes && slot->mapped_bytes - mapped_bytes <= mapped_bytes / 4
            && (!best || slot->mapped_bytes < best->mapped_bytes)) {
            best = slot;
            best_index = i;
        }
    }
    if (!best)
        return NULL;
    forget_kept(heap, best_index, best->mapped_bytes);
    best->live_bytes = bytes;
    best->freed_ms = 0;
    return (void *)(uintptr_t)best->address;
}

/* A part of a Lua table is filled from end to end as soon as it is there: one call makes it resident at a third of what
   the faults would cost. */
static bool is_filled_at_once(size_t bytes)
{
    return table_array_records(bytes) > 0 || table_hash_records(bytes) > 0;
}

void *large_allocate(struct heap *heap, size_t bytes)
{
    heap_note_user(heap);
    if (bytes > ADDRESS_LIMIT)
        return NULL;
    heap_lock(heap);
    void *object = reuse_kept(heap, bytes);
    heap_unlock(heap);
    if (object)
        return object;
    size_t mapped_bytes = round_up(bytes, PAGE_BYTES);
    object = os_map(mapped_bytes);
    if (!object && heap_make_room(heap))
        object = os_map(mapped_bytes);
    if (!object)
        return NULL;
    if (!heap_reserve_large_slot(heap)) {
        os_unmap(object, mapped_bytes);
        return NULL;
    }
    heap_lock(heap);
    attach(heap, (struct respire_large_slot){(uintptr_t)object, mapped_bytes, bytes, 0});
    heap_unlock(heap);
    large_make_way(heap, 0);
    if (is_filled_at_once(bytes))
        os_populate(object, mapped_bytes);
    return object;
}

void large_free(struct heap *heap, void *object, size_t bytes)
{
    heap_lock(heap);
    struct respire_large_slot *slot = find(heap, object);
    /* One that is kept is in the table, with nothing live. */
    if (!slot || slot->live_bytes != bytes)
        corruption_found("double free of a large block, or a free with the wrong size", object, bytes);
    size_t mapped_bytes = slot->mapped_bytes;
    if (slot->live_bytes < LARGE_BYTES)
        heap->undersized--;
    bool keep = heap->kept_count < LARGE_KEPT_MAX && heap->large_bytes <= large_bytes_max(heap);
    if (keep) {
        slot->live_bytes = 0;
        slot->freed_ms = clock_ms();
        heap->kept[heap->kept_count++] = (uintptr_t)object;
        heap->kept_bytes += mapped_bytes;
    } else {
        detach(heap, slot);
    }
    heap_unlock(heap);
    if (keep)
        heap_note_work(heap);
    else
        os_unmap(object, mapped_bytes);
}

/* Move a mapping to another length, and perhaps place. It is in no table meanwhile, since a table must never tell of a
   place that may be gone; only the mutator enters large objects, so its slot stays free. Called and left with the lock
   held, which is let go of in between. NULL: it stays as it was. */
static struct respire_large_slot *resize_mapping(struct heap *heap, struct respire_large_slot *slot,
                                                 size_t mapped_bytes)
{
    struct respire_large_slot entry = *slot;
    detach(heap, slot);
    heap_unlock(heap);
    void *moved = os_resize((void *)(uintptr_t)entry.address, entry.mapped_bytes, mapped_bytes);
    if (moved) {
        entry.address = (uintptr_t)moved;
        entry.mapped_bytes = mapped_bytes;
    }
    heap_lock(heap);
    attach(heap, entry);
    return moved ? find(heap, moved) : NULL;
}

void *large_resize(struct heap *heap, void *object, size_t new_bytes)
{
    if (new_bytes > ADDRESS_LIMIT)
        return NULL;
    size_t mapped_bytes = round_up(new_bytes, PAGE_BYTES);
    heap_lock(heap);
    struct respire_large_slot *slot = find(heap, object);
    if (!slot || slot->live_bytes == 0)
        corruption_found("a large block that is not there was resized", object, new_bytes);
    size_t old_mapped_bytes = slot->mapped_bytes;
    if (mapped_bytes != old_mapped_bytes)
        slot = resize_mapping(heap, slot, mapped_bytes);
    if (!slot && mapped_bytes < old_mapped_bytes)
        slot = find(heap, object); /* no memory to split the mapping: it stays too long */
    void *result = slot ? (void *)(uintptr_t)slot->address : NULL;
    if (slot) {
        heap->undersized += (uint32_t)(new_bytes < LARGE_BYTES) - (uint32_t)(slot->live_bytes < LARGE_BYTES);
        slot->live_bytes = new_bytes;
    }
    heap_unlock(heap);
    if (result && mapped_bytes > old_mapped_bytes) {
        large_make_way(heap, 0);
        if (is_filled_at_once(new_bytes))
            os_populate((char *)result + old_mapped_bytes, mapped_bytes - old_mapped_bytes);
    }
    return result;
}

bool large_holds(struct heap *heap, const void *object)
{
    heap_lock(heap);
    bool found = find(heap, object) != NULL;
    heap_unlock(heap);
    return found;
}

void large_make_way(struct heap *heap, uint64_t more_bytes)
{
    uint64_t given_bytes = 0;
    for (;;) {
        void *address;
        size_t bytes;
        bool young;
        heap_lock(heap);
        bool found = (heap->large_bytes > large_bytes_max(heap) || given_bytes < more_bytes)
            && large_detach_free(heap, 0, &address, &bytes, &young);
        heap_unlock(heap);
        if (!found)
            return;
        os_unmap(address, bytes);
        given_bytes += bytes;
    }
}

bool large_detach_free(struct heap *heap, uint64_t age_ms, void **address, size_t *bytes, bool *young)
{
    uint64_t now_ms = clock_ms();
    for (uint32_t i = 0; i < heap->kept_count; i++) {
        struct respire_large_slot *slot = find(heap, (void *)(uintptr_t)heap->kept[i]);
        if (!slot || now_ms - slot->freed_ms < age_ms) {
            *young = true;
            continue;
        }
        *address = (void *)(uintptr_t)slot->address;
        *bytes = slot->mapped_bytes;
        forget_kept(heap, i, slot->mapped_bytes);
        detach(heap, slot);
        return true;
    }
    return false;
}
