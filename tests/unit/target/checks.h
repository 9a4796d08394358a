/* Assertions on errors as values. */
#ifndef RESPIRE_TESTS_CHECKS_H
#define RESPIRE_TESTS_CHECKS_H

#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

#define assert_ok(expression)                       \
    do {                                            \
        struct error *error_ = (expression);        \
        if (error_)                                 \
            fail_msg("%s", error_text(error_));     \
    } while (0)

/* An error of this kind whose text holds `part`. */
#define assert_error(expression, kind, part)                                                   \
    do {                                                                                       \
        struct error *error_ = (expression);                                                   \
        if (!error_)                                                                           \
            fail_msg("no error from %s", #expression);                                         \
        if (error_kind(error_) != (kind) || !strstr(error_text(error_), (part)))               \
            fail_msg("error of kind %d: %s", (int)error_kind(error_), error_text(error_));     \
        error_free(error_);                                                                    \
    } while (0)

/* Looking into other processes' memory needs root; a machine without it says so by skipping. */
#define skip_unless_root() \
    do {                   \
        if (geteuid() != 0)\
            skip();        \
    } while (0)

#endif
