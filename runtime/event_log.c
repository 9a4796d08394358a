/*
 * event_log.c: formats a line on the stack and writes it at once.
 *
 * No stdio streams and no malloc: the lines are written from inside an allocator, from the purger's thread and
 * around fork, where a stream's lock or the host's malloc may be in any state. A log file is opened for every line:
 * daemons close descriptors that they did not open, and ours would then be somebody else's socket.
 */
#include "event_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES 1024

static char log_path[256]; /* empty: off */
static bool log_to_stderr;

static void write_line(int descriptor, const char *text)
{
    char line[LINE_BYTES];
    int bytes = snprintf(line, sizeof(line), "respire[%d]: %s\n", (int)getpid(), text);
    if (bytes >= LINE_BYTES) {
        bytes = LINE_BYTES - 1;
        line[LINE_BYTES - 2] = '\n';
    }
    /* A log that can't be written is not worth disturbing the host for. */
    ssize_t written = write(descriptor, line, (size_t)bytes);
    (void)written;
}

void event_log_complain(const char *sentence)
{
    int error = errno;
    write_line(STDERR_FILENO, sentence);
    errno = error;
}

static int open_file(void)
{
    return open(log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
}

void event_log_open(const char *destination)
{
    log_path[0] = '\0';
    log_to_stderr = strcmp(destination, "stderr") == 0;
    if (log_to_stderr || strcmp(destination, "off") == 0)
        return;
    int error = errno;
    snprintf(log_path, sizeof(log_path), "%s", destination);
    int descriptor = open_file();
    if (descriptor < 0) {
        char sentence[LINE_BYTES];
        snprintf(sentence, sizeof(sentence), "log file %s: %s; the log is off", destination, strerror(errno));
        event_log_complain(sentence);
        log_path[0] = '\0';
    } else {
        close(descriptor);
    }
    errno = error;
}

void event_log(const char *format, ...)
{
    if (!log_to_stderr && log_path[0] == '\0')
        return;
    int error = errno;
    char text[LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (log_to_stderr) {
        write_line(STDERR_FILENO, text);
    } else {
        int descriptor = open_file();
        if (descriptor >= 0) {
            write_line(descriptor, text);
            close(descriptor);
        }
    }
    errno = error;
}
