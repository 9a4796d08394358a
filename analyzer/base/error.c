#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ERROR_TEXT_MAX = 1024 };

struct error {
    enum error_kind kind;
    char text[ERROR_TEXT_MAX];
};

static struct error no_memory = {ERROR_FAILED, "out of memory in respire itself"};

__attribute__((format(printf, 2, 0))) static struct error *error_format(enum error_kind kind, const char *format,
    va_list arguments)
{
    struct error *error = calloc(1, sizeof(*error));
    if (!error)
        return &no_memory;
    error->kind = kind;
    vsnprintf(error->text, sizeof(error->text), format, arguments);
    return error;
}

static void error_append(struct error *error, const char *text)
{
    if (error == &no_memory)
        return;
    size_t length = strlen(error->text);
    snprintf(error->text + length, sizeof(error->text) - length, ": %s", text);
}

struct error *error_new(enum error_kind kind, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct error *error = error_format(kind, format, arguments);
    va_end(arguments);
    return error;
}

struct error *error_errno(enum error_kind kind, int number, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct error *error = error_format(kind, format, arguments);
    va_end(arguments);
    error_append(error, strerror(number));
    return error;
}

struct error *error_wrap(struct error *cause, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct error *error = error_format(cause->kind, format, arguments);
    va_end(arguments);
    error_append(error, cause->text);
    error_free(cause);
    return error;
}

struct error *error_no_memory(void)
{
    return &no_memory;
}

enum error_kind error_kind(const struct error *error)
{
    return error->kind;
}

const char *error_text(const struct error *error)
{
    return error->text;
}

void error_free(struct error *error)
{
    if (error != &no_memory)
        free(error);
}
