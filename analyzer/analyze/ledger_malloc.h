/*
 * The pages of glibc's malloc, each with one owner. A page that holds anything in use belongs to whom most of the bytes
 * in use on it belong: pools by kind, nginx's own arrays, or others ("glibc.used"); at equal bytes the first of these.
 * A page with nothing in use is metadata when it holds any, else free. What an arena has reserved behind its end is
 * free, too: no page of it is there.
 */
#ifndef RESPIRE_ANALYZE_LEDGER_MALLOC_H
#define RESPIRE_ANALYZE_LEDGER_MALLOC_H

#include "analyze/ledger_claims.h"

/* Adds claims on the pages of input->malloc, which may be NULL. */
struct error *malloc_claim(const struct ledger_input *input, struct claims *claims);

#endif
