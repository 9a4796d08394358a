/*
 * address_set.c: what changes an address set.
 *
 * Owns the rule that keeps look-ups right without marks for removed entries: whoever stood behind a removed one, and
 * not at home, moves up.
 */
#include "address_set.h"

#include "geometry.h"
#include "os_memory.h"

#define FIRST_SLOTS (PAGE_BYTES / sizeof(uintptr_t))

static size_t place_of(const struct address_set *set, uintptr_t address)
{
    size_t i = address_set_home(set, address);
    while (set->slots[i] != 0 && set->slots[i] != address)
        i = (i + 1) & (set->slot_count - 1);
    return i;
}

bool address_set_grow(struct address_set *set, size_t count)
{
    struct address_set bigger = {.slot_count = set->slot_count > 0 ? set->slot_count * 2 : FIRST_SLOTS};
    bigger.shift = 64 - (unsigned)__builtin_ctzl(bigger.slot_count);
    bigger.slots = os_map(bigger.slot_count * sizeof(uintptr_t));
    if (!bigger.slots) /* Slower from here on, and then full: at least one slot stays empty, or look-ups never end. */
        return set->used + count < set->slot_count;
    for (size_t i = 0; i < set->slot_count; i++) {
        if (set->slots[i] != 0)
            address_set_add(&bigger, set->slots[i]);
    }
    address_set_release(set);
    *set = bigger;
    return true;
}

void address_set_add(struct address_set *set, uintptr_t address)
{
    size_t i = place_of(set, address);
    set->used += set->slots[i] == 0;
    set->slots[i] = address;
}

void address_set_remove(struct address_set *set, uintptr_t address)
{
    if (!address_set_has(set, address))
        return;
    size_t mask = set->slot_count - 1;
    size_t hole = place_of(set, address);
    for (size_t i = (hole + 1) & mask; set->slots[i] != 0; i = (i + 1) & mask) {
        size_t home = address_set_home(set, set->slots[i]);
        /* It may fill the hole unless its home lies behind the hole. */
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            set->slots[hole] = set->slots[i];
            hole = i;
        }
    }
    set->slots[hole] = 0;
    set->used--;
}

void address_set_release(struct address_set *set)
{
    if (set->slots)
        os_unmap(set->slots, set->slot_count * sizeof(uintptr_t));
    *set = (struct address_set){0};
}
