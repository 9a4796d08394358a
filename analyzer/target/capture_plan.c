/*
 * Decides which pages are copied (see capture.h). Neighbouring pages become one piece, whatever mappings they lie in.
 */
#include "target/capture_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/size.h"

/* Pages of the kernel that every process shows: its clock data can't be read by others and is nobody's memory. */
static bool is_kernel_page(const struct mapping *mapping)
{
    return mapping->path && (strncmp(mapping->path, "[vvar", 5) == 0 || strcmp(mapping->path, "[vsyscall]") == 0);
}

static bool is_looked_at(const struct mapping *mapping, bool of_shared)
{
    return !is_kernel_page(mapping) && (of_shared || !mapping->shared);
}

static const struct address_ranges nothing;

/* One question for as many mappings as follow each other without one that is not looked at, or a part left out. */
static struct error *look_for_pages(struct target *target, bool of_shared, const struct address_ranges *left_out,
    struct capture_plan *plan)
{
    struct error *error = NULL;
    const struct mapping *mappings = plan->mappings.items;
    for (size_t i = 0; i < plan->mappings.count && !error; i++) {
        if (!is_looked_at(&mappings[i], of_shared))
            continue;
        struct address_range range = mappings[i].range;
        for (; i + 1 < plan->mappings.count && is_looked_at(&mappings[i + 1], of_shared); i++)
            range.end = mappings[i + 1].range.end;
        for (struct address_range gap = address_ranges_gap(left_out, range); range_bytes(gap) && !error;
             gap = address_ranges_gap(left_out, (struct address_range){gap.end, range.end}))
            error = target_presence(target, gap, &plan->presence);
    }
    return error;
}

static struct error *add_piece(struct capture_pieces *pieces, struct address_range range)
{
    pieces->bytes += range_bytes(range);
    if (pieces->count > 0) {
        struct capture_piece *last = &pieces->items[pieces->count - 1];
        if (address_equal(last->range.end, range.start)) {
            last->range.end = range.end;
            return NULL;
        }
    }
    struct capture_piece *piece = ARRAY_ADD(pieces);
    if (!piece)
        return error_no_memory();
    piece->range = range;
    return NULL;
}

static bool is_page_copied(const struct mapping *mapping, enum page_state state)
{
    return state == PAGE_ANONYMOUS || (state == PAGE_FILE && mapping->writable);
}

struct error *capture_plan_range(const struct mapping *mapping, struct address_range range,
    const struct presence *presence, struct capture_pieces *pieces)
{
    struct error *error = NULL;
    for (size_t i = presence_first(presence, range.start); i < presence->count && !error; i++) {
        const struct page_run *run = &presence->items[i];
        if (run->range.start.value >= range.end.value)
            break;
        struct address_range part = {
            address(size_max(run->range.start.value, range.start.value)),
            address(size_min(run->range.end.value, range.end.value)),
        };
        if (is_page_copied(mapping, run->state))
            error = add_piece(pieces, part);
    }
    return error;
}

bool capture_plan_is_copied(const struct mapping *mapping)
{
    return !mapping->shared && !is_kernel_page(mapping);
}

struct error *capture_plan_make(struct target *target, bool of_shared, const struct capture_spares *spares,
    struct capture_plan *plan)
{
    *plan = (struct capture_plan){0};
    struct error *error = target_mappings(target, &plan->mappings);
    if (!error)
        error = look_for_pages(target, of_shared, spares ? &spares->left_out : &nothing, plan);
    for (size_t i = 0; i < plan->mappings.count && !error; i++)
        if (capture_plan_is_copied(&plan->mappings.items[i]))
            error = capture_plan_range(&plan->mappings.items[i], plan->mappings.items[i].range, &plan->presence,
                &plan->pieces);
    return error;
}

void capture_plan_free(struct capture_plan *plan)
{
    mappings_free(&plan->mappings);
    presence_free(&plan->presence);
    ARRAY_FREE(&plan->pieces);
}
