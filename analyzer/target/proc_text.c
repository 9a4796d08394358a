/* Reads whole files of /proc, which have no size and must be read until they end. */
#include "target/proc_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

enum {
    FIRST_BYTES = 64 << 10,
    BYTES_MAX = 1 << 30, /* smaps of a process with over a million mappings */
};

static int make_room(struct proc_text *text)
{
    if (text->count + 1 < text->capacity)
        return 0;
    size_t wanted = text->capacity ? text->capacity * 2 : FIRST_BYTES;
    if (wanted > BYTES_MAX)
        return EFBIG;
    char *grown = realloc(text->bytes, wanted);
    if (!grown)
        return ENOMEM;
    text->bytes = grown;
    text->capacity = wanted;
    return 0;
}

int proc_text_read(int file, struct proc_text *text)
{
    text->count = 0;
    for (;;) {
        int number = make_room(text);
        if (number)
            return number;
        ssize_t got = pread(file, text->bytes + text->count, text->capacity - text->count - 1, (off_t)text->count);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno;
        text->count += (size_t)got;
        text->bytes[text->count] = '\0';
        if (got == 0)
            return 0;
    }
}

int proc_text_read_path(const char *path, struct proc_text *text)
{
    CLEANUP(cleanup_close) int file = open(path, O_RDONLY | O_CLOEXEC);
    return file < 0 ? errno : proc_text_read(file, text);
}

void proc_text_free(struct proc_text *text)
{
    free(text->bytes);
    *text = (struct proc_text){0};
}

bool proc_text_number(const struct proc_text *text, const char *name, uint64_t *number)
{
    size_t length = strlen(name);
    for (const char *line = text->bytes; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) != 0 || line[length] != ':')
            continue;
        char *end;
        errno = 0;
        *number = strtoull(line + length + 1, &end, 10);
        return errno == 0 && end != line + length + 1;
    }
    return false;
}
