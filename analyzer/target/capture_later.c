#include "target/capture_later.h"

#include <string.h>

#include "base/array.h"
#include "base/range_search.h"
#include "base/size.h"
#include "target/live_process.h"

static struct error *add_runs(const struct presence *from, struct presence *to)
{
    for (size_t i = 0; i < from->count; i++) {
        struct page_run *added = ARRAY_ADD(to);
        if (!added)
            return error_no_memory();
        *added = from->items[i];
    }
    return NULL;
}

/* Each knows pages that the other does not. */
static struct error *join_presence(const struct presence *later, struct presence *presence)
{
    struct presence both = {0}, joined = {0};
    struct error *error = add_runs(presence, &both);
    if (!error)
        error = add_runs(later, &both);
    if (!error)
        SORT_BY_START(both.items, both.count);
    for (size_t i = 0; i < both.count && !error; i++)
        error = presence_add(&joined, both.items[i].range, both.items[i].state);
    presence_free(&both);
    if (error) {
        presence_free(&joined);
        return error;
    }
    presence_free(presence);
    *presence = joined;
    return NULL;
}

/* The next part of the mapping that lies in one of `ranges`, from the one with that index on; empty: there is none. */
static struct address_range next_part(const struct address_ranges *ranges, size_t *index, struct address_range mapping)
{
    if (*index == ranges->count)
        return (struct address_range){0};
    struct address_range range = ranges->items[(*index)++];
    return (struct address_range){
        address(size_max(range.start.value, mapping.start.value)),
        address(size_min(range.end.value, mapping.end.value)),
    };
}

struct error *capture_later_look(struct target *target, const struct address_ranges *left_out,
    struct capture_plan *plan)
{
    struct presence presence = {0};
    struct error *error = NULL;
    for (size_t i = 0; i < plan->mappings.count && !error; i++) {
        const struct mapping *mapping = &plan->mappings.items[i];
        size_t next = address_ranges_first(left_out, mapping->range.start);
        struct address_range part;
        if (!capture_plan_is_copied(mapping))
            continue;
        while (!error && range_bytes(part = next_part(left_out, &next, mapping->range)))
            error = target_presence(target, part, &presence);
    }
    if (!error)
        error = join_presence(&presence, &plan->presence);
    presence_free(&presence);
    return error;
}

static struct error *plan_ranges(const struct address_ranges *ranges, const struct capture_plan *plan,
    struct capture_pieces *later)
{
    struct error *error = NULL;
    for (size_t i = 0; i < plan->mappings.count && !error; i++) {
        const struct mapping *mapping = &plan->mappings.items[i];
        size_t next = address_ranges_first(ranges, mapping->range.start);
        struct address_range part;
        if (!capture_plan_is_copied(mapping))
            continue;
        while (!error && range_bytes(part = next_part(ranges, &next, mapping->range)))
            error = capture_plan_range(mapping, part, &plan->presence, later);
    }
    return error;
}

/* Pieces that have been copied have data; those of the later copy have none yet. By address. */
static struct error *add_pieces(const struct capture_pieces *later, struct capture_pieces *pieces)
{
    for (size_t i = 0; i < later->count; i++) {
        struct capture_piece *added = ARRAY_ADD(pieces);
        if (!added)
            return error_no_memory();
        *added = later->items[i];
    }
    pieces->bytes += later->bytes;
    SORT_BY_START(pieces->items, pieces->count);
    return NULL;
}

/* The end of the pieces from `first` on that lie one behind the other; `joins`: some of them are not copied yet. */
static size_t end_of_group(const struct capture_pieces *pieces, size_t first, bool *joins)
{
    size_t end = first + 1;
    *joins = !pieces->items[first].data;
    while (end < pieces->count && address_equal(pieces->items[end - 1].range.end, pieces->items[end].range.start))
        *joins |= !pieces->items[end++].data;
    return end;
}

static uint64_t bytes_of_groups(const struct capture_pieces *pieces)
{
    uint64_t bytes = 0;
    bool joins;
    for (size_t first = 0, end; first < pieces->count; first = end) {
        end = end_of_group(pieces, first, &joins);
        if (joins)
            bytes += pieces->items[end - 1].range.end.value - pieces->items[first].range.start.value;
    }
    return bytes;
}

/* Every group with something new in it becomes one piece at `to`, for which what was copied before is copied again. */
static void join_groups(struct capture_pieces *pieces, struct capture_pieces *later, unsigned char *to)
{
    size_t kept = 0, next_later = 0;
    bool joins;
    for (size_t first = 0, end; first < pieces->count; first = end) {
        end = end_of_group(pieces, first, &joins);
        struct capture_piece group = {{pieces->items[first].range.start, pieces->items[end - 1].range.end}, to};
        for (size_t i = first; i < end; i++) {
            struct capture_piece piece = pieces->items[i];
            if (!joins) {
                pieces->items[kept++] = piece;
                continue;
            }
            if (piece.data)
                memcpy(to, piece.data, range_bytes(piece.range));
            else
                later->items[next_later++].data = to;
            to += range_bytes(piece.range);
        }
        if (joins)
            pieces->items[kept++] = group;
    }
    pieces->count = kept;
}

static struct error *copy_pieces(struct target *target, const struct capture_pieces *later, unsigned char *buffer)
{
    struct error *error = capture_pieces_copy(target, later, buffer);
    if (!error || error_kind(error) == ERROR_FAILED)
        return error;
    error_free(error);
    error = live_process_check(target);
    return error ? error : error_new(ERROR_NOT_UNDERSTOOD, "process %d gave back memory that was being copied while it"
        " ran", target_pid(target));
}

struct error *capture_later_copy(struct target *target, const struct address_ranges *ranges, struct capture_plan *plan,
    struct capture_buffer *buffer)
{
    struct capture_pieces later = {0};
    struct error *error = plan_ranges(ranges, plan, &later);
    if (!error)
        error = add_pieces(&later, &plan->pieces);
    if (!error)
        error = capture_buffer_prepare(buffer, bytes_of_groups(&plan->pieces));
    if (!error) {
        join_groups(&plan->pieces, &later, buffer->bytes);
        error = copy_pieces(target, &later, buffer->bytes);
    }
    ARRAY_FREE(&later);
    return error;
}
