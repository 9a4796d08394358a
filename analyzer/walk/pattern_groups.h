/*
 * Strings counted by their pattern, in bounded memory however many patterns there are: when the table is full, the
 * patterns with the fewest bytes are given up, and what they had counts for their prefix, and at last for the others.
 * So every string is counted exactly once.
 */
#ifndef RESPIRE_WALK_PATTERN_GROUPS_H
#define RESPIRE_WALK_PATTERN_GROUPS_H

#include "model/lua_holders.h"
#include "walk/string_pattern.h"

enum {
    PATTERN_GROUPS_MAX = 10000,
    PATTERN_GROUP_SLOTS = 16384, /* power of two */
};

struct pattern_group {
    uint64_t count, bytes; /* of the strings; count 0: an empty slot */
    uint64_t hash;
    struct string_pattern pattern;
};

struct pattern_groups {
    struct pattern_group *slots; /* hash table; owned */
    struct pattern_group *spare; /* empty: for the next table; owned */
    size_t count;
    uint64_t others_count, others_bytes;
};

/* Release with pattern_groups_free(), whatever the outcome. */
struct error *pattern_groups_make(struct pattern_groups *groups);

void pattern_groups_add(struct pattern_groups *groups, const struct string_pattern *pattern, uint64_t count,
    uint64_t bytes);

/* Add all that `from` has counted. */
void pattern_groups_join(struct pattern_groups *groups, const struct pattern_groups *from);

/*
 * Rows of the `limit` patterns with most bytes, and one of the others. A string that is alone with its pattern counts
 * for its prefix, unless it is large. `rows` is empty. Nothing can be added afterwards.
 */
struct error *pattern_groups_tell(struct pattern_groups *groups, size_t limit, struct group_rows *rows);

void pattern_groups_free(struct pattern_groups *groups);

#endif
