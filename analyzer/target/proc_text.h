/* The text of a file of /proc, whole and bounded. Only target/ includes this file. */
#ifndef RESPIRE_TARGET_PROC_TEXT_H
#define RESPIRE_TARGET_PROC_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct proc_text {
    char *bytes; /* a '\0' follows the last byte */
    size_t count, capacity;
};

/* Read `file` from its start to its end, reusing what `text` has allocated. 0 or an errno value. */
int proc_text_read(int file, struct proc_text *text);

/* As above for a path. */
int proc_text_read_path(const char *path, struct proc_text *text);

void proc_text_free(struct proc_text *text);

/* The number behind "NAME:" at the start of a line; false when there is no such line. */
bool proc_text_number(const struct proc_text *text, const char *name, uint64_t *number);

#endif
