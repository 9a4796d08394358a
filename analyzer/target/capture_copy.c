/*
 * Copies pieces. The work is cut into batches that threads take one after the other, so that the target waits for all
 * processors together instead of for one; while it is stopped, the processor that it ran on is free anyway.
 */
#include "target/capture_plan.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/array.h"
#include "base/size.h"
#include "target/target_operations.h"

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

void capture_pieces_place(struct capture_pieces *pieces, unsigned char *to)
{
    for (size_t i = 0; i < pieces->count; i++) {
        pieces->items[i].data = to;
        to += range_bytes(pieces->items[i].range);
    }
}

struct error *capture_pieces_copy(struct target *target, const struct capture_pieces *pieces, unsigned char *buffer)
{
    struct target_copy *copies = calloc(pieces->count + 1, sizeof(*copies));
    if (!copies)
        return error_no_memory();
    for (size_t i = 0; i < pieces->count; i++) {
        const struct capture_piece *piece = &pieces->items[i];
        copies[i] = (struct target_copy){
            piece->range.start, buffer + (piece->data - buffer), range_bytes(piece->range),
        };
    }
    struct error *error = copy_in_parallel(target, copies, pieces->count);
    free(copies);
    return error;
}
