/*
 * The target's mappings: /proc/PID/maps and /proc/PID/smaps of a live process, PT_LOAD and NT_FILE of a core.
 *
 * The text of maps and smaps is foreign input: a path may hold any byte but newline (which the kernel
 * writes as \012), and " (deleted)" may follow it. A line that does not parse is an error, not a skipped mapping.
 */
#ifndef RESPIRE_TARGET_MAPPINGS_H
#define RESPIRE_TARGET_MAPPINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/address.h"
#include "base/error.h"

/* What the kernel says of a mapping in smaps; bytes. Valid only where mapping.has_sizes. */
struct mapping_sizes {
    uint64_t resident_bytes;
    uint64_t pss_bytes;
    uint64_t swap_bytes;
    uint64_t anonymous_bytes;
    uint64_t private_bytes; /* Private_Clean + Private_Dirty */
    uint64_t locked_bytes;
    uint64_t huge_bytes;    /* AnonHugePages */
};

struct mapping {
    struct address_range range;
    bool readable, writable, executable, shared;
    uint64_t file_offset;
    uint32_t device_major, device_minor;
    uint64_t inode;   /* 0: no file behind it */
    char *path;       /* file path without " (deleted)", "[heap]", "[stack]", "[anon:NAME]", …; NULL when anonymous */
    bool deleted;     /* the kernel said " (deleted)" */
    bool has_sizes;
    struct mapping_sizes sizes;
};

/* True when a file is behind the mapping. A core file tells paths, but no inodes. */
static inline bool mapping_has_file(const struct mapping *mapping)
{
    return mapping->path && mapping->path[0] == '/';
}

/* False for [vsyscall]: a page of the kernel that every process sees and that VmSize does not count. */
static inline bool mapping_is_own(const struct mapping *mapping)
{
    return !mapping->path || strcmp(mapping->path, "[vsyscall]") != 0;
}

struct mappings {
    struct mapping *items; /* address order, no overlap */
    size_t count, capacity;
};

/* Parse the text of /proc/PID/maps or smaps (told apart line by line). `mappings` is filled; free it in any case. */
struct error *mappings_parse(const char *text, size_t bytes, struct mappings *mappings);

void mappings_free(struct mappings *mappings);

/* The mapping that holds `a`, or NULL. */
const struct mapping *mappings_find(const struct mappings *mappings, address_t a);

#endif
