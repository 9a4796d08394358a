/*
 * Errors as values: what failed, where (address, file, field), why, and whose fault it is.
 *
 * A function that can fail returns `struct error *`. NULL is success. Out-parameters come last and are
 * untouched on failure. Whoever receives an error owns it and either passes it up (error_wrap adds a
 * sentence), or prints it and error_free()s it. There is no other way to report a failure in the analyzer.
 *
 * An error is never lost for want of memory: a static "out of memory" error stands in then.
 */
#ifndef RESPIRE_BASE_ERROR_H
#define RESPIRE_BASE_ERROR_H

/* The values are the exit codes of the command line. */
enum error_kind {
    ERROR_FAILED = 1,         /* our side: a file that can't be written, no memory */
    ERROR_USAGE = 2,          /* the command line is wrong */
    ERROR_UNREADABLE = 3,     /* the target is gone or may not be read */
    ERROR_NOT_UNDERSTOOD = 4, /* the target's bytes fail a check: unknown layout or damage */
};

struct error;

struct error *error_new(enum error_kind kind, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* As error_new, followed by ": " and the text of errno value `number`. */
struct error *error_errno(enum error_kind kind, int number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Put a sentence before `cause`, which is consumed; the kind stays that of the cause. */
struct error *error_wrap(struct error *cause, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct error *error_no_memory(void);

enum error_kind error_kind(const struct error *error);

/* The whole chain in one line, outermost first. Owned by the error. */
const char *error_text(const struct error *error);

void error_free(struct error *error);

static inline void error_free_cleanup(struct error **error)
{
    error_free(*error);
}

#endif
