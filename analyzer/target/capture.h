/*
 * A capture: one consistent copy of the private memory of the target, taken within a short stop, or without one
 * where the copy proves that the target did not run meanwhile.
 *
 * What is copied: every resident anonymous page (heaps, stacks, copied-on-write data, JIT code), and every
 * resident page of private writable file mappings (.data not yet written to). Shared memory and clean
 * code are not copied. Walkers walk the capture and never the target.
 *
 * How, on a live process:
 *   1. maps and presence are read and the buffer is made (huge pages, prefaulted) while the target runs;
 *   2. no stop: if every thread is asleep and switched out, copy, then check that none of them ran (run time and
 *      run count in /proc/PID/task/TID/schedstat unchanged, same threads). If that holds, the copy is consistent;
 *   3. otherwise PTRACE_SEIZE + PTRACE_INTERRUPT all threads until no new thread appears, read maps and presence
 *      again (they may be stale), copy, PTRACE_DETACH. A target that outgrew the buffer is let go while a bigger one
 *      is made, and stopped again. If respire dies in between, the kernel detaches and the target runs on.
 * The stop of a large process is as long as its copy. Who knows beforehand what is not needed of one moment says so in
 * capture_options.spares, and holds what was captured against equations that tell when that was wrong.
 * A target that is being traced already is refused (names the tracer).
 * A core file is copied as it is, without any stop.
 */
#ifndef RESPIRE_TARGET_CAPTURE_H
#define RESPIRE_TARGET_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address_ranges.h"
#include "target/target.h"

/*
 * What need not be copied within the stop, whole pages: it is left out. Of that, `later` is copied as soon as the
 * target runs again: it may be of another moment. Where pages are present in what is left out is found out later, too.
 */
struct capture_spares {
    struct address_ranges left_out;
    struct address_ranges later; /* each inside one of left_out */
};

struct capture_options {
    const struct capture_spares *spares; /* NULL: everything is copied, and of one moment */
    bool want_sizes;  /* read smaps and VmRSS in the same moment, beside the copy */
    bool never_stop;  /* fail rather than stop the target; tries for half a second to find it asleep */
    bool always_stop; /* stop at once: for a retry, or to measure the stop */
};

/* One stretch of copied memory. `data` points into the capture's buffer. */
struct capture_piece {
    struct address_range range; /* whole pages */
    const unsigned char *data;
};

struct capture {
    uint64_t page_bytes;
    struct mappings mappings;       /* as they were at the moment of the copy */
    struct presence presence;       /* of all mappings but shared ones; with want_sizes of all */
    struct capture_piece *pieces;   /* address order, no overlap, neighbours merged */
    size_t piece_count;
    uint64_t copied_bytes;
    bool has_spares;                /* something was left out, or copied later than the rest */
    bool stopped;                   /* the target was stopped for the copy */
    double pause_ms;                /* from the first thread's stop to the last one's release, of all stops; else 0 */
    double copy_ms;
    uint64_t resident_bytes;        /* VmRSS of /proc/PID/status at that moment; 0 without want_sizes or in a core */
    struct {
        void *bytes;
        uint64_t size;
    } buffer, later_buffer, contents_buffer; /* private to capture*.c */
    struct lazy_memory *lazy; /* NULL, or where bytes are copied from when they are asked for: lazy_memory.h */
};

/*
 * On failure nothing is left stopped and `capture` is untouched. ERROR_FAILED when this machine, or the cgroup that
 * respire runs in, has no memory for the copy. One capture of a target at a time.
 */
struct error *capture_take(struct target *target, const struct capture_options *options, struct capture *capture);

/*
 * Copy what was left out, too, as it is by now; each range lies inside one of those left out. One call for a capture.
 * ERROR_NOT_UNDERSTOOD: the target has given some of it back. The capture stays what it was when it fails.
 */
struct error *capture_contents(struct target *target, const struct address_ranges *ranges, struct capture *capture);

void capture_free(struct capture *capture);

/* The piece that holds `from`, or NULL: not mapped, not present, or not copied. Read through target/memory_view.h. */
const struct capture_piece *capture_piece_at(const struct capture *capture, address_t from);

#endif
