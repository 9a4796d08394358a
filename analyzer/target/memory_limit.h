/*
 * What a process's control groups leave it of memory: of each hierarchy (version 1 and 2), from its own group up to the
 * root of what can be seen from here.
 */
#ifndef RESPIRE_TARGET_MEMORY_LIMIT_H
#define RESPIRE_TARGET_MEMORY_LIMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { GROUP_NAME_MAX = 256 };

/* Of the group that leaves the least. Bytes. */
struct memory_limit {
    bool is_limited;          /* false: no group has a limit, and nothing else here means anything */
    uint64_t limit_bytes;
    uint64_t used_bytes;      /* without file pages in no use: the kernel drops those before it kills */
    char group[GROUP_NAME_MAX]; /* its path below the hierarchy's mount point; printable ASCII */
};

void memory_limit_read(pid_t pid, struct memory_limit *limit);

/* As above, by the texts of /proc/PID/cgroup and /proc/self/mountinfo. */
void memory_limit_find(const char *groups, const char *mounts, struct memory_limit *limit);

/* 0 when more is used than the limit allows; UINT64_MAX when there is none. */
uint64_t memory_limit_room(const struct memory_limit *limit);

#endif
