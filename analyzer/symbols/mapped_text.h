/*
 * Texts of the target that may lie in read-only data of a program or library, which is not copied: read from the copy
 * where it has them, else from the very file that is mapped there.
 */
#ifndef RESPIRE_SYMBOLS_MAPPED_TEXT_H
#define RESPIRE_SYMBOLS_MAPPED_TEXT_H

#include "target/memory_view.h"
#include "target/target.h"

struct mapped_text {
    struct target *target; /* NULL: the copy alone */
    struct memory_view view;
    const struct mapping *mapping; /* the one that `descriptor` has the file of; NULL: none yet */
    int descriptor;                /* -1: it can't be opened */
};

struct mapped_text mapped_text_of(struct target *target, const struct capture *capture);

/* Copy the text at `at` with its final 0. False: it is not to be had, or does not fit in `text_bytes`. */
bool mapped_text_read(struct mapped_text *source, address_t at, char *text, size_t text_bytes);

void mapped_text_close(struct mapped_text *source);

#endif
