/* The sections of a snapshot: one table for writing and for reading, one visitor each. */
#ifndef RESPIRE_SNAPSHOT_PARTS_H
#define RESPIRE_SNAPSHOT_PARTS_H

#include "snapshot/codec.h"
#include "snapshot/name_table.h"
#include "snapshot/snapshot.h"

/* What a visitor works on. */
struct snapshot_subject {
    struct snapshot_about *about;
    struct process *process;
    struct lua_state *state; /* in a section of a state; else NULL */
    struct name_table *names; /* of that state */
};

struct snapshot_part {
    const char *name;
    uint32_t version;
    bool of_state; /* one for each Lua state */
    bool of_graph; /* only for those that want graphs */
    uint32_t flags;
    /* It must be there. Asked before writing, and again when all was read. */
    bool (*expected)(const struct snapshot_subject *subject);
    /* What goes wrong is kept in the codec. */
    void (*visit)(struct codec *codec, struct snapshot_subject *subject);
};

/* In the order in which they stand in a file: those of the process first. */
extern const struct snapshot_part snapshot_parts[];
extern const size_t snapshot_part_count;

void look_part_visit(struct codec *codec, struct snapshot_subject *subject);
void map_part_visit(struct codec *codec, struct snapshot_subject *subject);
void malloc_part_visit(struct codec *codec, struct snapshot_subject *subject);
void pools_part_visit(struct codec *codec, struct snapshot_subject *subject);
void zones_part_visit(struct codec *codec, struct snapshot_subject *subject);
void state_part_visit(struct codec *codec, struct snapshot_subject *subject);
void objects_part_visit(struct codec *codec, struct snapshot_subject *subject);
void links_part_visit(struct codec *codec, struct snapshot_subject *subject);
void names_part_visit(struct codec *codec, struct snapshot_subject *subject);
void strings_part_visit(struct codec *codec, struct snapshot_subject *subject);
void pages_part_visit(struct codec *codec, struct snapshot_subject *subject);

/* Equations, in most sections. */
void checks_visit(struct codec *codec, struct checks *checks, struct process *process);

/* Why something was not understood, or NULL. */
void damage_visit(struct codec *codec, struct error **damage, struct process *process);

void histogram_visit(struct codec *codec, struct histogram *histogram);

void heap_visit(struct codec *codec, struct heap *heap);

#endif
