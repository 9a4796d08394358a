/*
 * options.c: RESPIRE_OPTIONS to struct options, by the rows of abi/options_table.h.
 *
 * Owns the words of every complaint. It knows the kinds of values and nothing about single options: a new option
 * is a new row, a new field of the same name, and the code that obeys it.
 */
#include "options.h"

#include "options_table.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_BYTES 256

enum kind { INTEGER, SWITCH, DESTINATION };

struct row {
    const char *name;
    enum kind kind;
    uint64_t minimum;
    uint64_t maximum;
    const char *default_text;
    size_t offset; /* of the field in struct options */
};

#define ROW(name, kind, minimum, maximum, default_text, description) \
    {#name, kind, minimum, maximum, default_text, offsetof(struct options, name)},
static const struct row rows[] = {RESPIRE_OPTIONS_TABLE(ROW)};
#undef ROW

#define NAME(name, kind, minimum, maximum, default_text, description) " " #name
static const char names[] = RESPIRE_OPTIONS_TABLE(NAME);
#undef NAME

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

static bool parse_integer(const char *text, const struct row *row, uint64_t *value)
{
    if (text[0] < '0' || text[0] > '9')
        return false;
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || number < row->minimum || number > row->maximum)
        return false;
    *value = number;
    return true;
}

/* False: the value is not one of the row's, and nothing was changed. */
static bool set_value(struct options *options, const struct row *row, const char *text)
{
    char *field = (char *)options + row->offset;
    switch (row->kind) {
    case INTEGER:
        return parse_integer(text, row, (uint64_t *)(void *)field);
    case SWITCH:
        if (strcmp(text, "on") != 0 && strcmp(text, "off") != 0)
            return false;
        *(uint64_t *)(void *)field = strcmp(text, "on") == 0;
        return true;
    case DESTINATION:
        if (text[0] == '\0' || strlen(text) >= sizeof(options->log))
            return false;
        strcpy(field, text);
        return true;
    }
    return false;
}

static void describe_values(const struct row *row, char *text, size_t bytes)
{
    switch (row->kind) {
    case INTEGER:
        snprintf(text, bytes, "%llu to %llu", (unsigned long long)row->minimum, (unsigned long long)row->maximum);
        break;
    case SWITCH:
        snprintf(text, bytes, "on or off");
        break;
    case DESTINATION:
        snprintf(text, bytes, "off, stderr or a file name");
        break;
    }
}

void options_set_defaults(struct options *options)
{
    memset(options, 0, sizeof(*options));
    for (size_t i = 0; i < ROW_COUNT; i++)
        set_value(options, &rows[i], rows[i].default_text);
}

static void parse_one(struct options *options, const char *item, options_complain *complain)
{
    char sentence[3 * VALUE_BYTES];
    const char *equals = strchr(item, '=');
    size_t name_bytes = equals ? (size_t)(equals - item) : strlen(item);
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (strlen(rows[i].name) != name_bytes || memcmp(rows[i].name, item, name_bytes) != 0)
            continue;
        const char *value = equals ? equals + 1 : "";
        if (set_value(options, &rows[i], value))
            return;
        char values[64];
        describe_values(&rows[i], values, sizeof(values));
        snprintf(sentence, sizeof(sentence), "RESPIRE_OPTIONS: %s must be %s, not \"%s\"; the default, %s, is used",
                 rows[i].name, values, value, rows[i].default_text);
        complain(sentence);
        return;
    }
    snprintf(sentence, sizeof(sentence), "RESPIRE_OPTIONS: there is no option \"%.*s\"; the options are%s",
             (int)name_bytes, item, names);
    complain(sentence);
}

void options_parse(struct options *options, const char *text, options_complain *complain)
{
    while (text && *text != '\0') {
        const char *comma = strchrnul(text, ',');
        size_t bytes = (size_t)(comma - text);
        char item[VALUE_BYTES];
        if (bytes >= sizeof(item)) {
            complain("RESPIRE_OPTIONS: an option of more than 255 characters is left out");
        } else if (bytes > 0) {
            memcpy(item, text, bytes);
            item[bytes] = '\0';
            parse_one(options, item, complain);
        }
        text = *comma == ',' ? comma + 1 : comma;
    }
}
