/* What a function prints on standard output, as one text. */
#ifndef RESPIRE_TESTS_PRINTED_H
#define RESPIRE_TESTS_PRINTED_H

#include <stdio.h>
#include <stdlib.h>

struct printed {
    FILE *usual;
    char *text; /* owned; valid from printed_end() on */
    size_t bytes;
};

static inline void printed_begin(struct printed *printed)
{
    *printed = (struct printed){.usual = stdout};
    stdout = open_memstream(&printed->text, &printed->bytes);
}

static inline void printed_end(struct printed *printed)
{
    fclose(stdout);
    stdout = printed->usual;
}

#endif
