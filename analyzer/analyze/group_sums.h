/*
 * Objects summed up by a number that those of one group share: a type's, an id. A name is then asked for once a group,
 * not once an object.
 */
#ifndef RESPIRE_ANALYZE_GROUP_SUMS_H
#define RESPIRE_ANALYZE_GROUP_SUMS_H

#include <stdbool.h>

#include "analyze/object_path.h"
#include "model/lua_holders.h"

struct group_sum {
    uint64_t key;
    object_id example; /* the first object of the group */
    uint64_t count, bytes;
};

struct group_sums {
    struct group_sum *items;
    size_t count, capacity;
    uint32_t *slots;      /* hash table of indexes into items, plus one; 0: empty */
    size_t slot_count;    /* power of two */
    size_t latest;        /* index of the group that was added to last: often the next one's too */
    bool out_of_memory;   /* something was not added */
};

void group_sums_add(struct group_sums *sums, uint64_t key, object_id example, uint64_t bytes);

/* `name` has OBJECT_NAME_BYTES. */
typedef void (*group_namer)(const struct object_paths *paths, const struct group_sum *sum, char *name);

/*
 * Name the groups, put those of equal name together, and keep `limit` rows and the others as one. Releases `sums`,
 * whatever the outcome.
 */
struct error *group_sums_name(struct group_sums *sums, group_namer namer, const struct object_paths *paths,
    size_t limit, struct group_rows *rows);

void group_sums_free(struct group_sums *sums);

#endif
