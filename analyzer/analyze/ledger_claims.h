/* Who owns what, as ranges in address order: the claims that the ledger goes through beside the mappings. */
#ifndef RESPIRE_ANALYZE_LEDGER_CLAIMS_H
#define RESPIRE_ANALYZE_LEDGER_CLAIMS_H

#include "analyze/ledger.h"

struct claim {
    struct address_range range;
    const struct heap_region *region; /* a heap: its owner depends on the page; NULL for the others */
    enum heap_kind heap_kind;
    const char *owner;                /* for all but heaps */
    bool is_private;
};

struct claims {
    struct claim *items; /* address order, no overlap */
    size_t count, capacity;
};

struct error *claims_add(struct claims *claims, struct claim claim);

/* What walkers know, and what is known of the rest. ERROR_NOT_UNDERSTOOD when two walkers claim the same page. */
struct error *claims_gather(const struct ledger_input *input, struct claims *claims);

void claims_free(struct claims *claims);

#endif
