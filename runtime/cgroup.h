/*
 * cgroup.h: the memory of the control group that the process is in: how much of its limit is used, and how long its
 * tasks stall for want of memory. Versions 1 and 2, and both side by side.
 */
#ifndef RESPIRE_RUNTIME_CGROUP_H
#define RESPIRE_RUNTIME_CGROUP_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A group's directory. */
struct cgroup_directory {
    char path[PATH_MAX];
    size_t mount_bytes; /* of the path: what is above is no group. 0: there is no such directory */
};

struct cgroup {
    struct cgroup_directory memory; /* has the limits */
    struct cgroup_directory unified; /* version 2; has the stalls */
    bool is_version_1;              /* `memory` is */
};

/* Find it. `process`: "/proc/self", or a directory with the same two files, cgroup and mountinfo. */
void cgroup_find(struct cgroup *cgroup, const char *process);

enum cgroup_use { CGROUP_WITHOUT_LIMIT, CGROUP_BELOW, CGROUP_ABOVE };

/*
 * CGROUP_ABOVE: this group, or one that it lies in, uses `percent` of its limit (memory.high or memory.max) or more.
 * Page cache that nobody has asked for lately does not count, since the system takes it back first.
 */
enum cgroup_use cgroup_use(const struct cgroup *cgroup, uint64_t percent);

/* Percent of the last ten seconds in which some task of the group stood still for want of memory; 0 also where the
   system does not tell. */
uint64_t cgroup_stall_percent(const struct cgroup *cgroup);

#endif
