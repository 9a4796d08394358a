/* The objects of a state, shared out among workers: one a processor, each with a run of ids of its own. */
#ifndef RESPIRE_WALK_OBJECT_SHARES_H
#define RESPIRE_WALK_OBJECT_SHARES_H

#include <stddef.h>

#include "model/object_index.h"

enum { OBJECT_SHARES_MAX = 8 };

struct object_share {
    object_id first, end;
};

/* How many workers so many objects are worth: at least one. */
unsigned object_shares(object_id objects);

/* The share of worker `number` of `count`. */
struct object_share object_share(object_id objects, unsigned number, unsigned count);

/*
 * Call `work` for each of `count` workers, which stand one behind the other, `worker_bytes` apart, and return when all
 * are done: beside each other as far as there are threads to be had. What `work` returns is not looked at.
 */
void object_shares_run(void *(*work)(void *worker), void *workers, size_t worker_bytes, unsigned count);

#endif
