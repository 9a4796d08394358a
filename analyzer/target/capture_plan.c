/*
 * Decides which pages are copied (see capture.h), and copies them. Neighbouring pages become one piece, whatever
 * mappings they lie in. The copying is cut into batches that threads take one after the other, so that the target
 * waits for all processors together instead of for one; while it is stopped, the processor that it ran on is free
 * anyway.
 */
#include "target/capture_plan.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/size.h"
#include "target/target_operations.h"

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

enum {
    HELPERS_MAX = 3,
    BATCH_BYTES = 8 << 20,
    BATCH_COPIES = 1024,               /* IOV_MAX */
    HELPER_BYTES_MIN = 2 * BATCH_BYTES /* less is copied before a helper has started */
};

struct batch {
    size_t first, count; /* in work.copies */
};

struct work {
    struct target *target;
    struct {
        struct target_copy *items;
        size_t count, capacity;
    } copies; /* none bigger than a batch */
    struct {
        struct batch *items;
        size_t count, capacity;
    } batches;
    atomic_size_t next;
    _Atomic(struct error *) error; /* the first one; it ends the work */
};

/* Add a copy to the last batch, or to a new one when that is full. */
static bool add_copy(struct work *work, struct target_copy copy, uint64_t *batch_bytes)
{
    struct target_copy *added = ARRAY_ADD(&work->copies);
    if (!added)
        return false;
    *added = copy;
    struct batch *batch = work->batches.count ? &work->batches.items[work->batches.count - 1] : NULL;
    if (!batch || *batch_bytes + copy.bytes > BATCH_BYTES || batch->count == BATCH_COPIES) {
        batch = ARRAY_ADD(&work->batches);
        if (!batch)
            return false;
        batch->first = work->copies.count - 1;
        *batch_bytes = 0;
    }
    batch->count++;
    *batch_bytes += copy.bytes;
    return true;
}

static bool cut(struct work *work, const struct target_copy *copies, size_t count)
{
    uint64_t batch_bytes = 0;
    for (size_t i = 0; i < count; i++) {
        for (uint64_t at = 0; at < copies[i].bytes; at += BATCH_BYTES) {
            uint64_t bytes = size_min(copies[i].bytes - at, BATCH_BYTES);
            struct target_copy part = {address_add(copies[i].from, at), copies[i].to + at, bytes};
            if (!add_copy(work, part, &batch_bytes))
                return false;
        }
    }
    return true;
}

static void *work_on(void *argument)
{
    struct work *work = argument;
    while (!atomic_load(&work->error)) {
        size_t i = atomic_fetch_add(&work->next, 1);
        if (i >= work->batches.count)
            break;
        const struct batch *batch = &work->batches.items[i];
        struct error *error = target_copy(work->target, work->copies.items + batch->first, batch->count);
        struct error *none = NULL;
        if (error && !atomic_compare_exchange_strong(&work->error, &none, error))
            error_free(error);
    }
    return NULL;
}

static size_t helper_count(size_t batches)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t most = processors > 1 ? size_min((uint64_t)processors - 1, HELPERS_MAX) : 0;
    return size_min(most, batches / (HELPER_BYTES_MIN / BATCH_BYTES));
}

static struct error *copy_in_parallel(struct target *target, const struct target_copy *copies, size_t count)
{
    struct work work = {.target = target};
    pthread_t helpers[HELPERS_MAX];
    size_t started = 0;
    if (cut(&work, copies, count)) {
        size_t wanted = helper_count(work.batches.count);
        while (started < wanted && pthread_create(&helpers[started], NULL, work_on, &work) == 0)
            started++;
        work_on(&work);
    } else {
        work.error = error_no_memory();
    }
    for (size_t i = 0; i < started; i++)
        pthread_join(helpers[i], NULL);
    ARRAY_FREE(&work.copies);
    ARRAY_FREE(&work.batches);
    return work.error;
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
    struct error *error = copy_in_parallel(target, copies, plan->pieces.count);
    free(copies);
    return error;
}

void capture_plan_free(struct capture_plan *plan)
{
    mappings_free(&plan->mappings);
    presence_free(&plan->presence);
    ARRAY_FREE(&plan->pieces);
}
