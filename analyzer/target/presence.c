/* The list of page runs: adding in order, merging neighbours, and sums over a range by binary search. */
#include "target/presence.h"

#include "base/array.h"
#include "base/range_search.h"
#include "base/size.h"

struct error *presence_add(struct presence *presence, struct address_range range, enum page_state state)
{
    if (range_bytes(range) == 0)
        return NULL;
    if (presence->count > 0) {
        struct page_run *last = &presence->items[presence->count - 1];
        if (range.start.value < last->range.end.value)
            return error_new(ERROR_FAILED, "pages at 0x%llx are added after those at 0x%llx",
                             (unsigned long long)range.start.value, (unsigned long long)last->range.start.value);
        if (address_equal(range.start, last->range.end) && last->state == state) {
            last->range.end = range.end;
            return NULL;
        }
    }
    struct page_run *run = ARRAY_ADD(presence);
    if (!run)
        return error_no_memory();
    *run = (struct page_run){.range = range, .state = state};
    return NULL;
}

void presence_free(struct presence *presence)
{
    ARRAY_FREE(presence);
}

size_t presence_first(const struct presence *presence, address_t from)
{
    return FIRST_ENDING_BEHIND(presence->items, presence->count, from);
}

/* `states`: a bit for each state that counts. */
static uint64_t sum_bytes(const struct presence *presence, struct address_range range, unsigned states)
{
    uint64_t bytes = 0;
    if (range_bytes(range) == 0)
        return 0;
    for (size_t i = presence_first(presence, range.start); i < presence->count; i++) {
        const struct page_run *run = &presence->items[i];
        if (run->range.start.value >= range.end.value)
            break;
        if (states >> run->state & 1)
            bytes += size_min(run->range.end.value, range.end.value)
                - size_max(run->range.start.value, range.start.value);
    }
    return bytes;
}

uint64_t presence_resident_bytes(const struct presence *presence, struct address_range range)
{
    return sum_bytes(presence, range, 1u << PAGE_ANONYMOUS | 1u << PAGE_FILE);
}

uint64_t presence_state_bytes(const struct presence *presence, struct address_range range, enum page_state state)
{
    return sum_bytes(presence, range, 1u << state);
}
