/*
 * Processes that one program has started from one another: a master, its workers, and during an upgrade another master
 * with workers of its own. Told by names and by who is whose parent, from /proc.
 */
#ifndef RESPIRE_TARGET_PROCESS_FAMILY_H
#define RESPIRE_TARGET_PROCESS_FAMILY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "target/mappings.h"

enum { PROCESS_TITLE_BYTES = 1024 }; /* a loader's words may come first */

struct family_member {
    pid_t pid, parent;
    uint64_t started_ms; /* since 1970, within a tick (10 ms) and what the clock was set since */
    char title[PROCESS_TITLE_BYTES]; /* how it calls itself: its command line, arguments parted by spaces */
};

struct process_family {
    struct family_member *items; /* parents before their children */
    size_t count, capacity;
};

/*
 * From `pid` up as long as the parent has the same name, and from there all that have that name down. Empty when the
 * process has ended, or when this kernel does not list children. Free it in any case.
 */
struct error *process_family_find(pid_t pid, struct process_family *family);

void process_family_free(struct process_family *family);

const struct family_member *process_family_member(const struct process_family *family, pid_t pid);

/* What any process maps, as target_mappings(); none when it has ended or may not be read. */
struct error *process_mappings(pid_t pid, struct mappings *mappings);

#endif
