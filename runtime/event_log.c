/*
 * event_log.c: formats a line on the stack and writes it at once.
 *
 * No stdio streams and no malloc: the lines are written from inside an allocator, from the purger's thread and
 * around fork, where a stream's lock or the host's malloc may be in any state. A log file is opened for every line:
 * daemons close descriptors that they did not open, and ours would then be somebody else's socket.
 */
#include "event_log.h"

#include "options.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES 1024

enum mode { LOG_OFF, LOG_STDERR, LOG_FILE };

static _Atomic enum mode mode;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of log_path */
static char log_path[OPTION_VALUE_BYTES];

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

static int open_file(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
}

static int open_once(const char *path)
{
    int before = errno;
    int descriptor = open_file(path);
    int error = descriptor < 0 ? errno : 0;
    if (descriptor >= 0)
        close(descriptor);
    errno = before;
    return error;
}

int event_log_open(const char *destination)
{
    bool is_word = strcmp(destination, "stderr") == 0 || strcmp(destination, "off") == 0;
    int error = is_word ? 0 : open_once(destination);
    if (error != 0)
        return error;
    pthread_mutex_lock(&lock);
    strncpy(log_path, destination, sizeof(log_path) - 1);
    pthread_mutex_unlock(&lock);
    atomic_store(&mode, !is_word ? LOG_FILE : strcmp(destination, "stderr") == 0 ? LOG_STDERR : LOG_OFF);
    return 0;
}

static void write_to_file(const char *text)
{
    char path[OPTION_VALUE_BYTES];
    pthread_mutex_lock(&lock);
    memcpy(path, log_path, sizeof(path));
    pthread_mutex_unlock(&lock);
    int descriptor = open_file(path);
    if (descriptor >= 0) {
        write_line(descriptor, text);
        close(descriptor);
    }
}

void event_log(const char *format, ...)
{
    enum mode now = atomic_load_explicit(&mode, memory_order_relaxed);
    if (now == LOG_OFF)
        return;
    int error = errno;
    char text[LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (now == LOG_STDERR)
        write_line(STDERR_FILENO, text);
    else
        write_to_file(text);
    errno = error;
}

void event_log_lock(void)
{
    pthread_mutex_lock(&lock);
}

void event_log_unlock(void)
{
    pthread_mutex_unlock(&lock);
}
