/*
 * The target: a process, or what is left of one, that respire looks at from outside.
 *
 * Readers never know what they read from: a live process (live_process.c) and an ELF core file
 * (core_file.c) stand behind the same few questions:
 *
 *   which mappings are there          target_mappings()
 *   which of their pages are present  target_presence()
 *   what do the bytes say             target_read(), or capture.h for a consistent copy of everything
 *
 * Nothing here makes the target allocate: only pages that the kernel reports present are ever read, because
 * reading an absent page of a shared zone would allocate it (facts: zone Rss grows 4 kB a read).
 */
#ifndef RESPIRE_TARGET_TARGET_H
#define RESPIRE_TARGET_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/address.h"
#include "base/error.h"
#include "target/mappings.h"
#include "target/presence.h"

struct target;

enum target_kind {
    TARGET_LIVE_PROCESS,
    TARGET_CORE_FILE,
};

/*
 * Open a live process. Refuses, with ERROR_UNREADABLE and one sentence that says what to do: a PID that does not
 * exist, a thread's id (names the process it belongs to), a zombie, a kernel thread, a process that this
 * user may not read (names the capability and the command that grants it).
 */
struct error *target_open_process(pid_t pid, struct target **target);

/*
 * Open an ELF core file of this machine's word size and byte order; x86-64 only. What a core leaves out of programs and
 * libraries is read from their files: below `sysroot` (NULL: none), where they were, or beside the core.
 */
struct error *target_open_core(const char *path, const char *sysroot, struct target **target);

void target_close(struct target *target);

static inline void target_close_cleanup(struct target **target)
{
    if (*target)
        target_close(*target);
}

/*
 * The short name of a live process, as in ps(1); "?" when it can't be read. A process names itself: what is not
 * printable ASCII becomes "?", to keep terminals and JSON documents safe.
 */
void process_name(pid_t pid, char *name, size_t name_bytes);

enum target_kind target_kind(const struct target *target);

/* The process id; that of the dead process for a core file. */
pid_t target_pid(const struct target *target);

/* Bytes in a page of the target; a power of two. */
uint64_t target_page_bytes(const struct target *target);

/* Milliseconds since 1970: now; for a core file, when it was written. */
uint64_t target_moment_ms(const struct target *target);

/* VmRSS now; 0 for a core file, and when the kernel does not say. */
uint64_t target_resident_bytes(const struct target *target);

/* A fresh list of what is mapped now, in address order. The caller frees it with mappings_free(). */
struct error *target_mappings(struct target *target, struct mappings *mappings);

/* As target_mappings, with the kernel's sizes (resident, pss, swap …) filled in; none of them in a core file. */
struct error *target_mappings_with_sizes(struct target *target, struct mappings *mappings);

/*
 * Which pages of `range` are present or swapped out, as runs in address order appended to `presence`.
 * In a core file, what the file holds counts as present.
 */
struct error *target_presence(struct target *target, struct address_range range, struct presence *presence);

/*
 * Copy `bytes` bytes at `from`. All of it or an error. The caller makes sure that the pages are present
 * (target_presence): this call does not look.
 */
struct error *target_read(struct target *target, address_t from, void *to, size_t bytes);

#endif
