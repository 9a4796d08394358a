/*
 * The order of a capture: look, make room, copy; and the two ways to make a copy of a live process consistent: the
 * proof that it slept meanwhile (quiet.h), or a stop (stop.h). What it gathers on the way is handed to the caller's
 * struct capture only when everything succeeded.
 */
#include "target/capture.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/range_search.h"
#include "base/size.h"
#include "target/capture_buffer.h"
#include "target/capture_later.h"
#include "target/capture_plan.h"
#include "target/lazy_memory.h"
#include "target/live_process.h"
#include "target/process_status.h"
#include "target/quiet.h"
#include "target/stop.h"
#include "target/target_operations.h"

enum {
    QUIET_TRIES = 1,             /* when a stop may follow: a busy process is not worth a second copy */
    NEVER_STOP_TRIES = 20,
    NEVER_STOP_PAUSE_MS = 25,    /* between those */
    HEAD_ROOM_BYTES = 4 << 20,   /* that the target may grow by at least between the first look and the stop */
    GROWTH_TRIES = 4,
    URGENT_NICE = -20,
};

/* One capture in the making. */
struct attempt {
    struct target *target;
    struct capture_options options;
    struct capture_plan plan;
    struct capture_buffer buffer, later_buffer;
    struct proc_text sizes;
    uint64_t resident_bytes;
    double copy_ms;
};

static void attempt_free(struct attempt *attempt)
{
    capture_plan_free(&attempt->plan);
    capture_buffer_free(&attempt->buffer);
    capture_buffer_free(&attempt->later_buffer);
    proc_text_free(&attempt->sizes);
}

static struct error *plan_again(struct attempt *attempt)
{
    capture_plan_free(&attempt->plan);
    return capture_plan_make(attempt->target, attempt->options.want_sizes, attempt->options.spares, &attempt->plan);
}

/* While the target runs: the buffer for what is there now and some sixteenths more. */
static struct error *make_room(struct attempt *attempt, uint64_t sixteenths)
{
    struct error *error = plan_again(attempt);
    if (error)
        return error;
    uint64_t bytes = attempt->plan.pieces.bytes;
    return capture_buffer_prepare(&attempt->buffer, bytes + bytes / 16 * sixteenths + HEAD_ROOM_BYTES);
}

static void *read_sizes(void *argument)
{
    struct attempt *attempt = argument;
    attempt->resident_bytes = live_process_resident_bytes(attempt->target);
    return live_process_mappings_text(attempt->target, true, &attempt->sizes);
}

/* The sizes take the kernel as long as a tenth of the copy, so they are read beside it. */
static struct error *copy_with_sizes(struct attempt *attempt)
{
    pthread_t reader;
    bool beside = pthread_create(&reader, NULL, read_sizes, attempt) == 0;
    struct error *error = capture_pieces_copy(attempt->target, &attempt->plan.pieces, attempt->buffer.bytes);
    void *sizes_error = NULL;
    if (beside)
        pthread_join(reader, &sizes_error);
    else
        sizes_error = read_sizes(attempt);
    if (!error)
        return sizes_error;
    error_free(sizes_error);
    return error;
}

/*
 * Everything that must be of one moment. Nothing is copied when the buffer has become too small and `too_small` is not
 * NULL: making it bigger takes much longer than a copy, so it is better done while the target runs.
 */
static struct error *copy_moment(struct attempt *attempt, bool *too_small)
{
    struct error *error = plan_again(attempt);
    if (error)
        return error;
    if (too_small && attempt->plan.pieces.bytes > attempt->buffer.size) {
        *too_small = true;
        return NULL;
    }
    error = capture_buffer_prepare(&attempt->buffer, attempt->plan.pieces.bytes);
    if (error)
        return error;
    capture_pieces_place(&attempt->plan.pieces, attempt->buffer.bytes);
    double start_ms = clock_now_ms();
    error = attempt->options.want_sizes
        ? copy_with_sizes(attempt)
        : capture_pieces_copy(attempt->target, &attempt->plan.pieces, attempt->buffer.bytes);
    attempt->copy_ms = clock_now_ms() - start_ms;
    return error ? error : live_process_check(attempt->target);
}

/*
 * *copied tells whether the target slept through the whole copy. If it did not, a failure means nothing: it may have
 * unmapped what was being copied.
 */
static struct error *copy_asleep(struct attempt *attempt, bool *copied)
{
    struct quiet quiet;
    struct error *error = NULL;
    *copied = false;
    if (quiet_begin(attempt->target->pid, &quiet)) {
        error = copy_moment(attempt, NULL);
        *copied = quiet_holds(attempt->target->pid, &quiet);
        if (!*copied) {
            error_free(error);
            error = NULL;
        }
    }
    quiet_free(&quiet);
    return error;
}

static struct error *try_asleep(struct attempt *attempt, bool *copied)
{
    const struct timespec pause = {.tv_nsec = NEVER_STOP_PAUSE_MS * 1000000L};
    int tries = attempt->options.never_stop ? NEVER_STOP_TRIES : QUIET_TRIES;
    struct error *error = NULL;
    *copied = false;
    for (int i = 0; i < tries && !error && !*copied; i++) {
        if (i > 0)
            nanosleep(&pause, NULL);
        error = copy_asleep(attempt, copied);
    }
    return error;
}

static struct error *stop_and_copy(struct attempt *attempt, bool *too_small, double *pause_ms)
{
    struct stop *stop;
    struct error *error = stop_take(attempt->target->pid, &stop);
    if (error)
        return error;
    error = live_process_check(attempt->target);
    if (!error)
        error = copy_moment(attempt, too_small);
    *pause_ms += stop_release(stop);
    return error;
}

/*
 * As above, ahead of other programs on a busy machine: the target waits for us, and whoever waits for the target too.
 * The threads that are made meanwhile inherit the priority. Without CAP_SYS_NICE nothing changes.
 */
static struct error *stop_and_copy_quickly(struct attempt *attempt, bool *too_small, double *pause_ms)
{
    errno = 0;
    int nice = getpriority(PRIO_PROCESS, 0);
    bool known = errno == 0;
    setpriority(PRIO_PROCESS, 0, URGENT_NICE);
    struct error *error = stop_and_copy(attempt, too_small, pause_ms);
    if (known)
        setpriority(PRIO_PROCESS, 0, nice);
    return error;
}

/* A target that outgrows the buffer runs on while a bigger one is made; only the last try makes it wait for that. */
static struct error *copy_stopped(struct attempt *attempt, double *pause_ms)
{
    struct error *error = NULL;
    bool too_small = true;
    for (uint64_t tries = 1; too_small && !error; tries++) {
        bool last = tries == GROWTH_TRIES;
        too_small = false;
        error = stop_and_copy_quickly(attempt, last ? NULL : &too_small, pause_ms);
        if (!error && too_small)
            error = make_room(attempt, tries * 4);
    }
    return error;
}

/* The sizes were read as text within the moment; now they replace the bare list of the same mappings. */
static struct error *parse_sizes(struct attempt *attempt)
{
    struct mappings sized = {0};
    struct error *error = mappings_parse(attempt->sizes.bytes, attempt->sizes.count, &sized);
    if (error) {
        mappings_free(&sized);
        return error;
    }
    mappings_free(&attempt->plan.mappings);
    attempt->plan.mappings = sized;
    return NULL;
}

static struct error *take_live(struct attempt *attempt, struct capture *capture)
{
    const struct capture_options *options = &attempt->options;
    struct error *error = process_status_check_untraced(attempt->target->pid);
    if (!error)
        error = make_room(attempt, 1);
    bool copied = false;
    if (!error && !options->always_stop)
        error = try_asleep(attempt, &copied);
    if (!error && !copied && options->never_stop)
        error = error_new(ERROR_UNREADABLE, "process %d does not sleep long enough to be copied without a stop;"
                          " allow the stop, or try again when it is idle", attempt->target->pid);
    capture->stopped = !error && !copied;
    if (capture->stopped)
        error = copy_stopped(attempt, &capture->pause_ms);
    if (!error && options->want_sizes)
        error = parse_sizes(attempt);
    if (!error && options->spares)
        error = capture_later_look(attempt->target, &options->spares->left_out, &attempt->plan);
    if (!error && options->spares)
        error = capture_later_copy(attempt->target, &options->spares->later, &attempt->plan, &attempt->later_buffer);
    return error;
}

static struct error *take_core(struct attempt *attempt)
{
    struct error *error = plan_again(attempt);
    if (!error)
        error = capture_buffer_prepare(&attempt->buffer, attempt->plan.pieces.bytes);
    double start_ms = clock_now_ms();
    if (!error)
        capture_pieces_place(&attempt->plan.pieces, attempt->buffer.bytes);
    if (!error)
        error = capture_pieces_copy(attempt->target, &attempt->plan.pieces, attempt->buffer.bytes);
    attempt->copy_ms = clock_now_ms() - start_ms;
    return error;
}

/* What the attempt holds becomes the caller's. */
static void hand_over(struct attempt *attempt, struct capture *capture)
{
    capture_buffer_trim(&attempt->buffer, attempt->plan.pieces.bytes);
    capture->page_bytes = attempt->target->page_bytes;
    capture->mappings = attempt->plan.mappings;
    capture->presence = attempt->plan.presence;
    capture->pieces = attempt->plan.pieces.items;
    capture->piece_count = attempt->plan.pieces.count;
    capture->copied_bytes = attempt->plan.pieces.bytes;
    capture->has_spares = attempt->options.spares != NULL;
    capture->copy_ms = attempt->copy_ms;
    capture->resident_bytes = attempt->resident_bytes;
    capture->buffer.bytes = attempt->buffer.bytes;
    capture->buffer.size = attempt->buffer.size;
    capture->later_buffer.bytes = attempt->later_buffer.bytes;
    capture->later_buffer.size = attempt->later_buffer.size;
    proc_text_free(&attempt->sizes);
}

struct error *capture_take(struct target *target, const struct capture_options *options, struct capture *capture)
{
    struct attempt attempt = {.target = target, .options = *options};
    struct capture taken = {0};
    struct error *error =
        target_kind(target) == TARGET_LIVE_PROCESS ? take_live(&attempt, &taken) : take_core(&attempt);
    if (error) {
        attempt_free(&attempt);
        return error;
    }
    hand_over(&attempt, &taken);
    *capture = taken;
    return NULL;
}

struct error *capture_contents(struct target *target, const struct address_ranges *ranges, struct capture *capture)
{
    struct capture_plan plan = {.mappings = capture->mappings, .presence = capture->presence};
    struct capture_buffer buffer = {0};
    struct error *error = NULL;
    for (size_t i = 0; i < capture->piece_count && !error; i++) {
        struct capture_piece *piece = ARRAY_ADD(&plan.pieces);
        if (piece)
            *piece = capture->pieces[i];
        else
            error = error_no_memory();
    }
    if (!error)
        error = capture_later_copy(target, ranges, &plan, &buffer);
    if (error) {
        ARRAY_FREE(&plan.pieces);
        capture_buffer_free(&buffer);
        return error;
    }
    free(capture->pieces);
    capture->pieces = plan.pieces.items;
    capture->piece_count = plan.pieces.count;
    capture->copied_bytes += plan.pieces.bytes;
    capture->contents_buffer.bytes = buffer.bytes;
    capture->contents_buffer.size = buffer.size;
    return NULL;
}

void capture_free(struct capture *capture)
{
    struct capture_buffer buffer = {capture->buffer.bytes, capture->buffer.size};
    struct capture_buffer contents = {capture->contents_buffer.bytes, capture->contents_buffer.size};
    struct capture_buffer later = {capture->later_buffer.bytes, capture->later_buffer.size};
    capture_buffer_free(&buffer);
    capture_buffer_free(&later);
    capture_buffer_free(&contents);
    lazy_memory_free(capture->lazy);
    mappings_free(&capture->mappings);
    presence_free(&capture->presence);
    free(capture->pieces);
    *capture = (struct capture){0};
}

/* The piece that holds `from`, or NULL. */
const struct capture_piece *capture_piece_at(const struct capture *capture, address_t from)
{
    return RANGE_HOLDING(capture->pieces, capture->piece_count, from);
}
