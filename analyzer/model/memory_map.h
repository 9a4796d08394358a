/* Where the memory of a process is: the system's view by kind of mapping, and the ledger by owner. Bytes. */
#ifndef RESPIRE_MODEL_MEMORY_MAP_H
#define RESPIRE_MODEL_MEMORY_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/checks.h"

/* One row of the system level. */
struct system_row {
    const char *name; /* code, file, anon, stack, shared, jit */
    uint64_t virtual_bytes, resident_bytes, pss_bytes, swap_bytes;
};

enum system_kind {
    SYSTEM_CODE,   /* executable file mappings */
    SYSTEM_FILE,   /* other file mappings: read-only data, data not yet written to */
    SYSTEM_ANON,   /* private memory without a file, and copied-on-write pages of data */
    SYSTEM_STACK,  /* the main thread's stack */
    SYSTEM_SHARED, /* shared memory */
    SYSTEM_JIT,    /* executable memory without a file */
    SYSTEM_KINDS,
};

enum { OWNER_NAME_MAX = 96 };

/* One row of the ledger. Every resident page has exactly one owner. */
struct owner {
    char name[OWNER_NAME_MAX];
    uint64_t virtual_bytes, resident_bytes;
    uint64_t anonymous_bytes; /* resident and private to this process */
    bool is_private;          /* this kind of memory belongs to the process alone */
};

struct memory_map {
    uint64_t vsz_bytes, rss_bytes, pss_bytes, swap_bytes;
    struct system_row system[SYSTEM_KINDS];
    struct owner *owners; /* largest resident first */
    size_t owner_count, owner_capacity;
    uint64_t anonymous_bytes; /* resident private pages, all owners */
    uint64_t unknown_bytes;   /* resident pages without a known owner */
    struct checks checks;
};

void memory_map_release(struct memory_map *map);

#endif
