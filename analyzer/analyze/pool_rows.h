/* What of nginx's pools comes first: owners, kinds, and the pools themselves. */
#ifndef RESPIRE_ANALYZE_POOL_ROWS_H
#define RESPIRE_ANALYZE_POOL_ROWS_H

#include "base/error.h"
#include "model/nginx_pools.h"

struct pool_rows {
    struct pool_owner kinds[POOL_KINDS]; /* sums; no names */
    struct pool_owner whole;             /* of all pools; no name */
    size_t owners;                       /* so many of the first are shown */
    size_t other_owners;
    struct pool_owner others;            /* sums of those beyond these; no name */
    uint32_t *list;                      /* indexes of pools, unowned ones first, then by bytes; owned; or NULL */
    size_t list_count;
};

/* At most `owner_limit` owners and `list_limit` pools; 0: no list. On failure `rows` is untouched. */
struct error *pool_rows_make(const struct nginx_pools *pools, size_t owner_limit, size_t list_limit,
    struct pool_rows *rows);

void pool_rows_free(struct pool_rows *rows);

#endif
