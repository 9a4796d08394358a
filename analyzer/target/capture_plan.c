/* Decides which pages are copied: see capture.h. Neighbouring pages become one piece, whatever mappings they lie in. */
#include "target/capture_plan.h"

#include <string.h>

#include "base/array.h"
#include "base/size.h"
#include "target/parallel_copy.h"

/* Pages of the kernel that every process shows: its clock data can't be read by others and is nobody's memory. */
static bool is_kernel_page(const struct mapping *mapping)
{
    return mapping->path && (strncmp(mapping->path, "[vvar", 5) == 0 || strcmp(mapping->path, "[vsyscall]") == 0);
}

static bool is_looked_at(const struct mapping *mapping, bool of_shared)
{
    return !is_kernel_page(mapping) && (of_shared || !mapping->shared);
}

/* One question for as many mappings as follow each other without one that is not looked at. */
static struct error *look_for_pages(struct target *target, bool of_shared, struct capture_plan *plan)
{
    struct error *error = NULL;
    const struct mapping *mappings = plan->mappings.items;
    for (size_t i = 0; i < plan->mappings.count && !error; i++) {
        if (!is_looked_at(&mappings[i], of_shared))
            continue;
        struct address_range range = mappings[i].range;
        for (; i + 1 < plan->mappings.count && is_looked_at(&mappings[i + 1], of_shared); i++)
            range.end = mappings[i + 1].range.end;
        error = target_presence(target, range, &plan->presence);
    }
    return error;
}

static struct error *add_piece(struct capture_plan *plan, struct address_range range)
{
    plan->bytes += range_bytes(range);
    if (plan->pieces.count > 0) {
        struct capture_piece *last = &plan->pieces.items[plan->pieces.count - 1];
        if (address_equal(last->range.end, range.start)) {
            last->range.end = range.end;
            return NULL;
        }
    }
    struct capture_piece *piece = ARRAY_ADD(&plan->pieces);
    if (!piece)
        return error_no_memory();
    piece->range = range;
    return NULL;
}

static bool is_copied(const struct mapping *mapping, enum page_state state)
{
    return state == PAGE_ANONYMOUS || (state == PAGE_FILE && mapping->writable);
}

static struct error *plan_mapping(const struct mapping *mapping, struct capture_plan *plan)
{
    struct address_range range = mapping->range;
    if (mapping->shared || is_kernel_page(mapping))
        return NULL;
    struct error *error = NULL;
    for (size_t i = presence_first(&plan->presence, range.start); i < plan->presence.count && !error; i++) {
        const struct page_run *run = &plan->presence.items[i];
        if (run->range.start.value >= range.end.value)
            break;
        struct address_range part = {
            address(size_max(run->range.start.value, range.start.value)),
            address(size_min(run->range.end.value, range.end.value)),
        };
        if (is_copied(mapping, run->state))
            error = add_piece(plan, part);
    }
    return error;
}

struct error *capture_plan_make(struct target *target, bool of_shared, struct capture_plan *plan)
{
    *plan = (struct capture_plan){0};
    struct error *error = target_mappings(target, &plan->mappings);
    if (!error)
        error = look_for_pages(target, of_shared, plan);
    for (size_t i = 0; i < plan->mappings.count && !error; i++)
        error = plan_mapping(&plan->mappings.items[i], plan);
    return error;
}

struct error *capture_plan_copy(struct target *target, struct capture_plan *plan, unsigned char *to)
{
    struct target_copy *copies = calloc(plan->pieces.count + 1, sizeof(*copies));
    if (!copies)
        return error_no_memory();
    for (size_t i = 0; i < plan->pieces.count; i++) {
        struct capture_piece *piece = &plan->pieces.items[i];
        piece->data = to;
        copies[i] = (struct target_copy){piece->range.start, to, range_bytes(piece->range)};
        to += copies[i].bytes;
    }
    struct error *error = parallel_copy(target, copies, plan->pieces.count);
    free(copies);
    return error;
}

void capture_plan_free(struct capture_plan *plan)
{
    mappings_free(&plan->mappings);
    presence_free(&plan->presence);
    ARRAY_FREE(&plan->pieces);
}
