/*
 * A file that appears whole or not at all, readable for its owner alone. Until it is kept it has no name where the
 * file system can do so: whatever ends this program, what was at the path before is still there, and nothing is beside
 * it. Only where another file is to be replaced, a kill between two calls in a row leaves the new one, whole, as
 * `.respire-PID-N` beside it; so does a kill at any time on a file system that has no nameless files (NFS).
 */
#ifndef RESPIRE_SNAPSHOT_ATOMIC_FILE_H
#define RESPIRE_SNAPSHOT_ATOMIC_FILE_H

#include "base/error.h"

enum { ATOMIC_PATH_BYTES = 4096 };

struct atomic_file {
    int file;
    char path[ATOMIC_PATH_BYTES];
    char directory[ATOMIC_PATH_BYTES];
    char temporary[ATOMIC_PATH_BYTES]; /* empty while the file has no name */
};

/* ERROR_FAILED says what to do. Then nothing is to be released; otherwise end with keep or drop. */
struct error *atomic_file_begin(const char *path, struct atomic_file *file);

/* What was written is safe on disk and has its name; closed, whatever the outcome. */
struct error *atomic_file_keep(struct atomic_file *file);

void atomic_file_drop(struct atomic_file *file);

#endif
