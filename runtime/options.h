/*
 * options.h: the rows of abi/options_table.h as a struct, and the text forms of their values.
 *
 * RESPIRE_OPTIONS, respire_set and the Lua module all come through here, so a wrong name or value gets the same words
 * everywhere. Nothing here locks or applies anything: settings.h has the options in force.
 */
#ifndef RESPIRE_RUNTIME_OPTIONS_H
#define RESPIRE_RUNTIME_OPTIONS_H

#include "option_values.h"

#include <stddef.h>

/* Every sentence fits. */
#define OPTION_SENTENCE_BYTES 512

struct options {
    uint64_t decay_ms;
    uint64_t background; /* 0 or 1 */
    uint64_t idle_gc_ms; /* 0: off */
    uint64_t goal_bytes; /* 0: none */
    uint64_t goal_percent_of_cgroup; /* 0: none */
    uint64_t table_log;  /* records; 0: off */
    char log[OPTION_VALUE_BYTES]; /* off, stderr or a file name */
};

void options_set_defaults(struct options *options);

/*
 * Set one option from its text form. False: name or value is wrong, `options` is as it was, and `sentence`
 * (OPTION_SENTENCE_BYTES) is one sentence without a newline.
 */
bool options_set(struct options *options, const char *name, const char *value, char *sentence);

/* The text form that options_set would take, into `value` (OPTION_VALUE_BYTES). False: as options_set. */
bool options_get(const struct options *options, const char *name, char *value, enum option_kind *kind, char *sentence);

/* Called once for each thing that is wrong, with a sentence without a newline. */
typedef void options_complain(const char *sentence);

/* Read `text` ("name=value,name=value"; NULL and "" are fine) over what `options` holds. */
void options_parse(struct options *options, const char *text, options_complain *complain);

#endif
