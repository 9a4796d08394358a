/*
 * Owns the way through the main arena: it grows by brk, with gaps where others have moved brk meanwhile, and takes
 * mappings where brk fails.
 */
#include "base/range_search.h"
#include "base/size.h"
#include "walk/glibc_arena.h"

enum { TRIAL_STEPS_MAX = 1 << 26 }; /* chunks on the way from where a stretch might start */

/* Behind the last chunk of a stretch that brk did not continue are two or three fenceposts, up to the end of a page. */
static bool skip_fenceposts(struct arena_walk *a, address_t at, address_t *end)
{
    address_t page_end = address(round_up(at.value + 1, a->walk->page_bytes));
    uint64_t left = page_end.value - at.value;
    if (left != 2 * GLIBC_FENCEPOST && left != 3 * GLIBC_FENCEPOST)
        return false;
    for (; at.value < page_end.value; at.value += GLIBC_FENCEPOST) {
        uint64_t head;
        if (!view_u64(&a->walk->view, address_add(at, GLIBC_CHUNK_HEAD), &head)
            || (head | GLIBC_CHUNK_PREVIOUS_USED) != (GLIBC_FENCEPOST | GLIBC_CHUNK_PREVIOUS_USED))
            return false;
    }
    *end = page_end;
    return true;
}

/* True when chunks lead from the start of the range to the arena's top or to fenceposts. */
static bool leads_to_an_end(struct arena_walk *a, struct address_range range)
{
    for (uint64_t at = range.start.value; at < range.end.value && ++a->trial_steps < TRIAL_STEPS_MAX;) {
        uint64_t head;
        if (at == a->top.value)
            return true;
        if (!view_u64(&a->walk->view, address(at + GLIBC_CHUNK_HEAD), &head) || head & GLIBC_CHUNK_IMPOSSIBLE
            || head & GLIBC_CHUNK_NOT_MAIN || (at == range.start.value && !(head & GLIBC_CHUNK_PREVIOUS_USED)))
            return false;
        uint64_t bytes = head & ~(uint64_t)GLIBC_CHUNK_FLAGS;
        if (bytes < GLIBC_CHUNK_MINIMUM) {
            address_t end;
            return at != range.start.value && skip_fenceposts(a, address(at), &end);
        }
        if (bytes > range.end.value - at)
            return false;
        at += bytes;
    }
    return false;
}

/* Somebody else has moved brk: the main arena goes on behind what he took. */
static bool find_behind_gap(struct arena_walk *a, address_t from, address_t *start)
{
    address_t end = glibc_memory_end(a->walk, from);
    for (uint64_t at = from.value; at < end.value && a->trial_steps < TRIAL_STEPS_MAX; at += GLIBC_CHUNK_BLOCK) {
        if (leads_to_an_end(a, (struct address_range){address(at), end})) {
            *start = address(at);
            return true;
        }
    }
    return false;
}

/* Everything that the main arena got from brk, starting where its first memory did. */
static struct error *walk_brk(struct arena_walk *a, address_t base)
{
    address_t from = base, first = address(round_up(base.value, GLIBC_CHUNK_BLOCK));
    for (;;) {
        bool had_top = a->met_top;
        struct address_range range = {first, glibc_memory_end(a->walk, first)}, chunks;
        struct error *error = glibc_walk_stretch(a, range, &chunks);
        if (error)
            return error;
        address_t end = chunks.end, next = chunks.end;
        bool at_top = a->met_top != had_top;
        if (!at_top && !skip_fenceposts(a, chunks.end, &end))
            return glibc_arena_damage(a, chunks.end, "a chunk of impossible size");
        bool goes_on = !a->met_top && find_behind_gap(a, end, &next);
        if (!goes_on)
            next = end;
        a->gap_bytes += next.value - end.value;
        error = glibc_add_stretch(a, (struct address_range){from, next}, chunks);
        if (error || !goes_on)
            return error;
        from = first = next;
    }
}

/* A page that starts with a chunk of the main arena, from which chunks lead on to an end. */
static bool starts_stretch(struct arena_walk *a, address_t at)
{
    return leads_to_an_end(a, (struct address_range){at, glibc_memory_end(a->walk, at)});
}

/* The stretch that holds `at`, of the first `count`. */
static const struct glibc_stretch *known_stretch(const struct glibc_walk *walk, size_t count, address_t at)
{
    for (size_t i = 0; i < count; i++)
        if (range_holds(walk->stretches.items[i].range, at, 1))
            return &walk->stretches.items[i];
    return NULL;
}

/* Where brk failed, the main arena takes mappings instead: nothing tells where but their own chunks. */
static struct error *walk_mappings(struct arena_walk *a)
{
    struct glibc_walk *walk = a->walk;
    size_t of_brk = walk->stretches.count;
    for (size_t i = 0; i < walk->capture->mappings.count; i++) {
        const struct mapping *mapping = &walk->capture->mappings.items[i];
        if (!glibc_may_have(mapping))
            continue;
        for (address_t at = mapping->range.start; at.value < mapping->range.end.value;) {
            const struct glibc_stretch *known = known_stretch(walk, of_brk, at);
            if (!known && starts_stretch(a, at)) {
                struct error *error = walk_brk(a, at);
                if (error)
                    return error;
                known = &walk->stretches.items[walk->stretches.count - 1];
            }
            at = known ? address(round_up(known->range.end.value, walk->page_bytes))
                       : address_add(at, walk->page_bytes);
        }
    }
    return NULL;
}

struct error *glibc_walk_main_arena(struct arena_walk *a)
{
    uint64_t base;
    uint32_t flags;
    if (!view_u64(&a->walk->view, a->walk->books->parameters, &base)
        || !view_u32(&a->walk->view, address_add(a->state, GLIBC_ARENA_FLAGS), &flags))
        return glibc_arena_damage(a, a->state, "no state in memory");
    a->has_gaps = flags & GLIBC_ARENA_GAPS;
    struct error *error = walk_brk(a, address(base));
    return !error && a->has_gaps ? walk_mappings(a) : error;
}
