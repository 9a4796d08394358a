/* Everything that one look at a process has shown. */
#ifndef RESPIRE_MODEL_PROCESS_H
#define RESPIRE_MODEL_PROCESS_H

#include <sys/types.h>

#include "model/allocators.h"
#include "model/glibc_heap.h"
#include "model/lua_state.h"
#include "model/memory_map.h"
#include "model/nginx_pools.h"
#include "model/shared_zones.h"
#include "target/capture.h"

/* A text that something in the model points to and nobody else owns. */
struct kept_text {
    struct kept_text *next;
    char text[];
};

struct process {
    pid_t pid;
    struct lua_state *states;
    size_t state_count;
    bool has_residency; /* false for a core file: only virtual sizes mean something */
    bool has_map;
    struct memory_map map;
    unsigned allocators; /* others than glibc's that are in it: 1 << enum allocator; with want_heap or want_map */
    bool has_malloc; /* it was looked for; malloc.layout tells whether it is there */
    struct glibc_heap malloc;
    bool has_pools; /* this is an nginx, and its pools were looked for */
    struct nginx_pools pools;
    bool has_zones; /* this is an nginx, and its shared memory zones were looked for */
    struct shared_zones zones;
    struct capture *memory; /* kept when graphs were asked for, because names are read from it; owned; else NULL */
    struct kept_text *texts; /* names in a model that was read from a file; owned */
    /* How the look went. */
    bool stopped;
    double pause_ms; /* of all stops of all looks; 0 when the target was not stopped */
    unsigned attempts;
    uint64_t copied_bytes;
    /* What the look took of our time, the last attempt; 0 in a snapshot. */
    double capture_ms, walk_ms, analysis_ms;
};

void process_release(struct process *process);

/* Give back the copy of the target's memory. From here on the objects of its states have no names. */
void process_forget_memory(struct process *process);

/* The first state that could not be understood, or NULL. */
const struct lua_state *process_damaged_state(const struct process *process);

#endif
