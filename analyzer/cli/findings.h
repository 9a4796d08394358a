/* What `doctor` finds: a list of things that work or don't, each with its remedy. */
#ifndef RESPIRE_CLI_FINDINGS_H
#define RESPIRE_CLI_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum { FINDINGS_MAX = 256, FINDING_TEXT_BYTES = 320 };

enum finding_level {
    FINDING_OK,
    FINDING_NOTE,    /* works, but worth knowing */
    FINDING_MISSING, /* does not work: the remedy says what to do */
};

struct finding {
    enum finding_level level;
    const char *subject;
    char detail[FINDING_TEXT_BYTES];
    const char *remedy; /* NULL: none needed */
};

struct findings {
    struct finding items[FINDINGS_MAX];
    size_t count;
};

void findings_add(struct findings *findings, enum finding_level level, const char *subject, const char *remedy,
    const char *format, ...) __attribute__((format(printf, 5, 6)));

void findings_print(const struct findings *findings);

/* The document "respire.doctor/1"; `pid` 0 for the machine alone. */
struct error *findings_print_json(const struct findings *findings, int pid);

/* The machine: kernel, rights, runtime, layouts. */
void findings_of_machine(struct findings *findings);

/*
 * One process: its layouts and checks, and whether the runtime can serve it. `not_understood` says which state was not
 * (its kind is ERROR_NOT_UNDERSTOOD), or is NULL; the caller frees it.
 */
struct error *findings_of_process(struct findings *findings, int pid, struct error **not_understood);

#endif
