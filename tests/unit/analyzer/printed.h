/* What a function prints on standard output, as one text. */
#ifndef RESPIRE_TESTS_PRINTED_H
#define RESPIRE_TESTS_PRINTED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Fails unless the texts, of which the last is NULL, stand in `text` in this order; then frees it. After cmocka.h. */
static inline void assert_in_order(char *text, const char *const texts[])
{
    const char *from = text;
    for (; *texts; texts++) {
        const char *found = strstr(from, *texts);
        if (!found)
            fail_msg("\"%s\" is missing, or too early, in:\n%s", *texts, text);
        else
            from = found + strlen(*texts);
    }
    free(text);
}

#define ASSERT_IN_ORDER(text, ...) assert_in_order(text, (const char *const[]){__VA_ARGS__, NULL})

#endif
