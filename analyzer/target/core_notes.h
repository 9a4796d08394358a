/* What the notes of a core file say. Only target/ includes this file. */
#ifndef RESPIRE_TARGET_CORE_NOTES_H
#define RESPIRE_TARGET_CORE_NOTES_H

#include <gelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/address.h"
#include "base/error.h"

/* A row of NT_FILE: a file that was mapped. */
struct core_mapped_file {
    struct address_range range;
    uint64_t file_offset;
    char *path;   /* without " (deleted)" */
    bool deleted;
    bool shared_memory; /* its name is all that tells shared memory in a core from private files */
};

struct core_notes {
    pid_t pid; /* of NT_PRPSINFO, or else of the first thread (NT_PRSTATUS); 0: not told */
    struct core_mapped_file *files; /* address order */
    size_t file_count;
};

/* Read the notes in `bytes` bytes at `offset` of the file, and add to what is known. */
struct error *core_notes_read(Elf *elf, const char *path, uint64_t offset, uint64_t bytes, struct core_notes *notes);

void core_notes_free(struct core_notes *notes);

/* The first row that ends behind `a`, or NULL. It may begin behind it too. */
const struct core_mapped_file *core_notes_next(const struct core_notes *notes, address_t a);

#endif
