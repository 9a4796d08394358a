/*
 * The rest: private anonymous memory that no walker claims. Who owns it is told by proof alone: a module's .bss by its
 * program headers; generated code by its permission; thread stacks by the thread's record; the dynamic loader's own
 * memory (thread-local storage of the main thread, lists of modules) because the loader's data points at it; another
 * allocator's because that allocator's data, or what that points at, points into it. What is left stays unknown.
 */
#ifndef RESPIRE_ANALYZE_LEDGER_REST_H
#define RESPIRE_ANALYZE_LEDGER_REST_H

#include "analyze/ledger_claims.h"

/* `claims`: those of walkers, by address. Those on the rest are added behind them. */
struct error *rest_claim(const struct ledger_input *input, struct claims *claims);

#endif
