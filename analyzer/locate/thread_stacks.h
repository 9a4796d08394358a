/*
 * The stacks of a program's threads, in a list of ranges of its memory. glibc puts a thread's own record at the end of
 * the stack that it makes for it, and that record proves itself: its first and its third word hold its own address
 * (tcbhead_t, sysdeps/x86_64/nptl/tls.h), and behind them stand where the stack starts and how large it is
 * (struct pthread, nptl/descr.h: stackblock, stackblock_size), which must end just behind the record. Stacks of threads
 * that have ended and that glibc keeps for the next are found too.
 */
#ifndef RESPIRE_LOCATE_THREAD_STACKS_H
#define RESPIRE_LOCATE_THREAD_STACKS_H

#include "base/address_ranges.h"
#include "target/capture.h"

/* Adds each stack with its guard pages; whole pages. By address, as `searched` is. O(captured bytes of `searched`). */
struct error *locate_thread_stacks(const struct capture *capture, const struct address_ranges *searched,
    struct address_ranges *stacks);

#endif
