/*
 * The inside of a core file target, split from core_file.c: stretches of the dead process's memory and where their
 * bytes are. Only target/ includes this file.
 */
#ifndef RESPIRE_TARGET_CORE_FILE_H
#define RESPIRE_TARGET_CORE_FILE_H

#include "target/core_notes.h"
#include "target/target_operations.h"

/* Bytes of the process: at `file_offset` of the core itself, or of a file that was mapped. */
struct core_part {
    struct address_range range; /* whole pages */
    int file;                   /* that of the core, or of one of `images` */
    uint64_t file_offset;
    enum page_state state;
};

/* A program or library that was mapped, with the file that holds it today. */
struct core_image {
    const struct core_mapped_file *first; /* the row of NT_FILE with which it begins */
    int file;                             /* -1: not proven to be the same */
    uint64_t file_bytes;
};

struct core_segment {
    struct address_range range;
    uint64_t offset, bytes; /* in the core */
    uint32_t flags;         /* PF_R, PF_W, PF_X */
};

struct core_file {
    struct target target;
    char *path;
    const char *sysroot; /* the caller's; only while the core is opened; NULL: none */
    int file;
    uint64_t file_bytes;
    struct core_notes notes;
    struct {
        struct core_segment *items;
        size_t count, capacity;
    } segments; /* address order */
    struct {
        struct core_part *items;
        size_t count, capacity;
    } parts; /* address order, no overlap */
    struct {
        struct core_image *items;
        size_t count, capacity;
    } images; /* that overlays were looked for in */
};

/* Read header, segments and notes. */
struct error *core_file_parse(struct core_file *core);

/*
 * Find out where the bytes of every segment are: in the core, or in a file that is proven to be the one that was
 * mapped.
 */
struct error *core_file_overlay(struct core_file *core);

#endif
