/*
 * A moment of a process, kept in a file: what one look has shown, with the graphs of its Lua objects and the names
 * that paths need, but no byte of its memory (docs/SNAPSHOT.md).
 */
#ifndef RESPIRE_SNAPSHOT_SNAPSHOT_H
#define RESPIRE_SNAPSHOT_SNAPSHOT_H

#include "model/lua_holders.h"
#include "model/process.h"

enum { SNAPSHOT_NAME_BYTES = 64, SNAPSHOT_WRITER_BYTES = 32 };

/* What is kept beside the model. */
struct snapshot_about {
    char writer[SNAPSHOT_WRITER_BYTES]; /* version of respire that wrote it */
    char name[SNAPSHOT_NAME_BYTES];     /* of the process, or of the core file */
    bool is_core;
    bool shows_strings;                 /* contents of strings are in it */
    uint64_t taken_ns;                  /* when the look began, since 1970 */
};

/*
 * Write to a new file, which appears as `path`, readable for its owner alone, when it is whole; until then and on
 * failure, what was at `path` stays. `process` is not changed. `bytes` is the size of the file.
 */
struct error *snapshot_write(const char *path, const struct snapshot_about *about, struct process *process,
    uint64_t *bytes);

/* Whether a file could be made there, before a long look is taken for it. Nothing is left behind. */
struct error *snapshot_check_path(const char *path);

/*
 * Read it back. Without `want_graphs` states have no graph, and what only graphs need is not looked at. On failure
 * `process` and `about` are untouched: ERROR_UNREADABLE when there is no such file or it may not be read,
 * ERROR_NOT_UNDERSTOOD when it is no snapshot, damaged, or newer than this program; ERROR_FAILED when there is no
 * memory for it.
 */
struct error *snapshot_read(const char *path, bool want_graphs, struct snapshot_about *about, struct process *process);

/* The same on an open file, which is not closed, with a limit on the memory of the model; for tests. */
struct error *snapshot_read_file(int file, uint64_t memory_bytes, bool want_graphs, struct snapshot_about *about,
    struct process *process);

#endif
