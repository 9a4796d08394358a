/*
 * What stands behind target.h: each kind of target is a `struct target` at the start of a larger struct of its own,
 * with a table of the few things that a target can do. Only target/ includes this file.
 */
#ifndef RESPIRE_TARGET_TARGET_OPERATIONS_H
#define RESPIRE_TARGET_TARGET_OPERATIONS_H

#include "target/target.h"

/* One stretch to copy out of the target. */
struct target_copy {
    address_t from;
    unsigned char *to;
    uint64_t bytes;
};

struct target_operations {
    enum target_kind kind;
    void (*close)(struct target *target);
    struct error *(*mappings)(struct target *target, bool with_sizes, struct mappings *mappings);
    struct error *(*presence)(struct target *target, struct address_range range, struct presence *presence);
    struct error *(*copy)(struct target *target, const struct target_copy *copies, size_t count);
};

struct target {
    const struct target_operations *operations;
    pid_t pid;
    uint64_t page_bytes;
    uint64_t written_ms; /* of a core file: since 1970; else 0 */
};

/* All of `copies`, in as few system calls as possible, or an error. */
static inline struct error *target_copy(struct target *target, const struct target_copy *copies, size_t count)
{
    return target->operations->copy(target, copies, count);
}

#endif
