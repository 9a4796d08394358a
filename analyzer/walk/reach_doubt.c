#include "walk/reach_doubt.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/size.h"

enum {
    WORD_BYTES = 8,
    WITNESS_BEFORE_BYTES = 64,
    WITNESS_BEHIND_BYTES = 512,
    NEAR_BYTES = 64, /* the two ends of a queue, a tree's root and its sentinel */
    SMALL_NUMBERS = 1 << 16,
};

static bool has_witness(struct memory_view *view, const struct pool_reference *reference, struct address_range memory,
    address_t pool)
{
    uint64_t low = size_max(memory.start.value, reference->pointer.value - WITNESS_BEFORE_BYTES);
    uint64_t high = size_min(memory.end.value, reference->pointer.value + WITNESS_BEHIND_BYTES);
    for (uint64_t at = round_up(low, WORD_BYTES); at + WORD_BYTES <= high; at += WORD_BYTES) {
        uint64_t word;
        if (view_u64(view, address(at), &word)
            && (word == pool.value || word - reference->place.value + NEAR_BYTES < 2 * NEAR_BYTES))
            return true;
    }
    return false;
}

/*
 * A small number of four bytes, beside the upper half of what was a pointer before, leads to somewhere in the first
 * bytes of 4 GiB. In a heap of a gigabyte that is often in the middle of some large block.
 */
static bool may_be_number(address_t pointer)
{
    return (uint32_t)pointer.value < SMALL_NUMBERS;
}

enum reference_trust reference_trust(struct memory_view *view, const struct pool_reference *reference,
    struct address_range memory, address_t pool)
{
    const bool leads_to_pool = address_equal(reference->pointer, pool);
    const bool leads_to_start = address_equal(reference->pointer, memory.start);
    if (!leads_to_pool && !range_holds(memory, reference->pointer, 1))
        return REFERENCE_NONE;
    if (!leads_to_pool && !leads_to_start && may_be_number(reference->pointer))
        return REFERENCE_NONE;
    if (!reference->of_cycle || leads_to_pool || has_witness(view, reference, memory, pool))
        return REFERENCE_SURE;
    return leads_to_start ? REFERENCE_DOUBTFUL : REFERENCE_NONE;
}

bool reach_entries_add(struct reach_entries *entries, address_t object, uint32_t root)
{
    struct reach_entry *entry = ARRAY_ADD(entries);
    if (entry)
        *entry = (struct reach_entry){.object = object, .root = root, .order = entries->count};
    return entry != NULL;
}

static int compare_entries(const void *a, const void *b)
{
    const struct reach_entry *left = a, *right = b;
    if (!address_equal(left->object, right->object))
        return left->object.value < right->object.value ? -1 : 1;
    return (left->order > right->order) - (left->order < right->order);
}

bool reach_entries_open(struct reach_entries *entries)
{
    entries->first = entries->opened;
    entries->opened = entries->count;
    size_t opened = entries->opened - entries->first;
    if (opened)
        qsort(entries->items + entries->first, opened, sizeof(*entries->items), compare_entries);
    for (size_t i = entries->first; i < entries->opened; i++)
        entries->items[i].taken_by = i;
    return opened > 0;
}

static size_t last_taker(const struct reach_entries *entries, size_t entry)
{
    while (entries->items[entry].taken_by != entry)
        entry = entries->items[entry].taken_by;
    return entry;
}

/* The entry of this round that stands for `object`: the first one, if there are several. False: none. */
static bool find_entry(const struct reach_entries *entries, address_t object, size_t *entry)
{
    size_t low = entries->first, high = entries->opened;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (entries->items[middle].object.value < object.value)
            low = middle + 1;
        else
            high = middle;
    }
    *entry = low;
    return low < entries->opened && address_equal(entries->items[low].object, object);
}

void reach_entries_take(struct reach_entries *entries, address_t object, size_t taker)
{
    size_t entry;
    if (!find_entry(entries, object, &entry))
        return;
    entry = last_taker(entries, entry);
    taker = last_taker(entries, taker);
    entries->items[entry].taken_by = taker;
}

uint32_t reach_entries_root(const struct reach_entries *entries, size_t entry)
{
    return entries->items[last_taker(entries, entry)].root;
}
