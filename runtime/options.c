/*
 * options.c: options to and from text, by the rows of abi/options_table.h.
 *
 * Owns the words of every complaint. It knows the kinds of values and nothing of single options: a new option is a
 * new row, a new field of the same name, and the code that obeys it.
 */
#include "options.h"

#include "options_table.h"

#include <stdarg.h>

struct row {
    const char *name;
    enum option_kind kind;
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

/* What the user gave is quoted in it, and must not break the line. */
__attribute__((format(printf, 2, 3))) static void say(char *sentence, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, OPTION_SENTENCE_BYTES, format, arguments);
    va_end(arguments);
    for (char *c = sentence; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ')
            *c = '?';
    }
}

static const struct row *find_row(const char *name, char *sentence)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    }
    say(sentence, "there is no option \"%.64s\"; the options are%s", name, names);
    return NULL;
}

/* False: the value is not one of the row's, and nothing was changed. */
static bool set_value(struct options *options, const struct row *row, const char *text)
{
    char *field = (char *)options + row->offset;
    uint64_t number = 0;
    if (!option_accepts(row->kind, row->minimum, row->maximum, text, &number))
        return false;
    if (row->kind == DESTINATION)
        strcpy(field, text);
    else
        *(uint64_t *)(void *)field = number;
    return true;
}

static void get_value(const struct options *options, const struct row *row, char *text)
{
    const char *field = (const char *)options + row->offset;
    switch (row->kind) {
    case INTEGER:
        snprintf(text, OPTION_VALUE_BYTES, "%llu", *(const unsigned long long *)(const void *)field);
        break;
    case SWITCH:
        strcpy(text, *(const uint64_t *)(const void *)field ? "on" : "off");
        break;
    case DESTINATION:
        strcpy(text, field);
        break;
    }
}

void options_set_defaults(struct options *options)
{
    memset(options, 0, sizeof(*options));
    for (size_t i = 0; i < ROW_COUNT; i++)
        set_value(options, &rows[i], rows[i].default_text);
}

bool options_set(struct options *options, const char *name, const char *value, char *sentence)
{
    const struct row *row = find_row(name, sentence);
    if (!row)
        return false;
    if (set_value(options, row, value))
        return true;
    char values[64], present[OPTION_VALUE_BYTES];
    option_describe(row->kind, row->minimum, row->maximum, values, sizeof(values));
    get_value(options, row, present);
    say(sentence, "%s must be %s, not \"%.64s\"; it stays %.128s", row->name, values, value, present);
    return false;
}

bool options_get(const struct options *options, const char *name, char *value, enum option_kind *kind, char *sentence)
{
    const struct row *row = find_row(name, sentence);
    if (!row)
        return false;
    get_value(options, row, value);
    *kind = row->kind;
    return true;
}

static void parse_one(struct options *options, char *item, options_complain *complain)
{
    char *equals = strchr(item, '=');
    if (equals)
        *equals = '\0';
    char sentence[OPTION_SENTENCE_BYTES];
    char line[OPTION_SENTENCE_BYTES + 32];
    if (options_set(options, item, equals ? equals + 1 : "", sentence))
        return;
    snprintf(line, sizeof(line), "RESPIRE_OPTIONS: %s", sentence);
    complain(line);
}

void options_parse(struct options *options, const char *text, options_complain *complain)
{
    while (text && *text != '\0') {
        const char *comma = strchrnul(text, ',');
        size_t bytes = (size_t)(comma - text);
        char item[OPTION_VALUE_BYTES];
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
