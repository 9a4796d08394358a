/*
 * options.h: the settings in force, read once from RESPIRE_OPTIONS when the first heap is made.
 *
 * The rows are in abi/options_table.h. A name or value that is wrong is one line on stderr, and the default stays.
 */
#ifndef RESPIRE_RUNTIME_OPTIONS_H
#define RESPIRE_RUNTIME_OPTIONS_H

#include <stdint.h>

struct options {
    uint64_t decay_ms;
    uint64_t background; /* 0 or 1 */
    char log[256];       /* off, stderr or a file name */
};

void options_set_defaults(struct options *options);

/* Called once for each thing that is wrong, with a sentence without a newline. */
typedef void options_complain(const char *sentence);

/* Read `text` ("name=value,name=value"; NULL and "" are fine) over what `options` holds. */
void options_parse(struct options *options, const char *text, options_complain *complain);

#endif
