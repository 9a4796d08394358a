/*
 * option_values.h: which text is a value of an option of the runtime, and how the values are described.
 *
 * The runtime obeys by these rules, and `respire run --set` refuses by them before it starts a program that would
 * only warn.
 */
#ifndef RESPIRE_ABI_OPTION_VALUES_H
#define RESPIRE_ABI_OPTION_VALUES_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The kinds of rows in options_table.h. */
enum option_kind { INTEGER, SWITCH, DESTINATION };

/* Every value fits, its final NUL included. */
#define OPTION_VALUE_BYTES 256

static inline bool option_integer(const char *text, uint64_t minimum, uint64_t maximum, uint64_t *number)
{
    if (text[0] < '0' || text[0] > '9')
        return false;
    char *end;
    int error = errno;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    bool fits = errno == 0 && *end == '\0' && value >= minimum && value <= maximum;
    errno = error;
    *number = value;
    return fits;
}

/* True: `text` is a value. `number` is what it stands for where the kind is a number or a switch. */
static inline bool option_accepts(enum option_kind kind, uint64_t minimum, uint64_t maximum, const char *text,
                                  uint64_t *number)
{
    switch (kind) {
    case INTEGER:
        return option_integer(text, minimum, maximum, number);
    case SWITCH:
        *number = strcmp(text, "on") == 0;
        return *number == 1 || strcmp(text, "off") == 0;
    case DESTINATION:
        return text[0] != '\0' && strlen(text) < OPTION_VALUE_BYTES;
    }
    return false;
}

/* As in: decay_ms must be ... */
static inline void option_describe(enum option_kind kind, uint64_t minimum, uint64_t maximum, char *text, size_t bytes)
{
    switch (kind) {
    case INTEGER:
        snprintf(text, bytes, "%llu to %llu", (unsigned long long)minimum, (unsigned long long)maximum);
        break;
    case SWITCH:
        snprintf(text, bytes, "on or off");
        break;
    case DESTINATION:
        snprintf(text, bytes, "off, stderr or a file name of up to %d characters", OPTION_VALUE_BYTES - 1);
        break;
    }
}

#endif
