#include "walk/pattern_groups.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

enum { LARGE_BYTES = 4096 }; /* a string of its own kind that has as many is told */

static uint64_t hash_of(const struct string_pattern *pattern)
{
    uint64_t hash = pattern->bytes;
    for (size_t i = 0; i < pattern->bytes; i += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, pattern->text + i, sizeof(word));
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    return hash;
}

struct error *pattern_groups_make(struct pattern_groups *groups)
{
    *groups = (struct pattern_groups){
        .slots = calloc(PATTERN_GROUP_SLOTS, sizeof(*groups->slots)),
        .spare = calloc(PATTERN_GROUP_SLOTS, sizeof(*groups->spare)),
    };
    return groups->slots && groups->spare ? NULL : error_no_memory();
}

void pattern_groups_free(struct pattern_groups *groups)
{
    free(groups->slots);
    free(groups->spare);
    *groups = (struct pattern_groups){0};
}

static struct pattern_group *find_slot(const struct pattern_groups *groups, const struct string_pattern *pattern,
    uint64_t hash)
{
    size_t slot = hash & (PATTERN_GROUP_SLOTS - 1);
    for (;; slot = (slot + 1) & (PATTERN_GROUP_SLOTS - 1)) {
        struct pattern_group *group = &groups->slots[slot];
        if (group->count == 0 || (group->hash == hash && memcmp(&group->pattern, pattern, sizeof(*pattern)) == 0))
            return group;
    }
}

/* The table has room. */
static void add_to_slot(struct pattern_groups *groups, const struct string_pattern *pattern, uint64_t count,
    uint64_t bytes)
{
    uint64_t hash = hash_of(pattern);
    struct pattern_group *group = find_slot(groups, pattern, hash);
    if (group->count == 0) {
        *group = (struct pattern_group){.hash = hash, .pattern = *pattern};
        groups->count++;
    }
    group->count += count;
    group->bytes += bytes;
}

static void give_up(struct pattern_groups *groups, const struct pattern_group *group)
{
    struct string_pattern shorter;
    if (group->pattern.prefix_bytes) {
        string_pattern_shorten(&group->pattern, &shorter);
        add_to_slot(groups, &shorter, group->count, group->bytes);
    } else {
        groups->others_count += group->count;
        groups->others_bytes += group->bytes;
    }
}

/* Make the table anew, without the groups that have no more than so many strings or bytes. */
static void keep_above(struct pattern_groups *groups, uint64_t count_max, uint64_t bytes_max)
{
    struct pattern_group *former = groups->slots;
    groups->slots = groups->spare;
    groups->count = 0;
    for (size_t slot = 0; slot < PATTERN_GROUP_SLOTS; slot++) {
        const struct pattern_group *group = &former[slot];
        if (group->count == 0)
            continue;
        if (group->count <= count_max && group->bytes <= bytes_max)
            give_up(groups, group);
        else
            add_to_slot(groups, &group->pattern, group->count, group->bytes);
    }
    memset(former, 0, PATTERN_GROUP_SLOTS * sizeof(*former));
    groups->spare = former;
}

static size_t count_above(const struct pattern_groups *groups, uint64_t bytes)
{
    size_t count = 0;
    for (size_t slot = 0; slot < PATTERN_GROUP_SLOTS; slot++)
        count += groups->slots[slot].bytes > bytes;
    return count;
}

/* Give up at least half of the groups; the prefixes of what is given up need room themselves. */
static void make_room(struct pattern_groups *groups)
{
    uint64_t bytes = 32;
    while (groups->count >= PATTERN_GROUPS_MAX) {
        while (count_above(groups, bytes) > PATTERN_GROUPS_MAX / 2)
            bytes *= 2;
        keep_above(groups, UINT64_MAX, bytes);
        bytes *= 2;
    }
}

void pattern_groups_add(struct pattern_groups *groups, const struct string_pattern *pattern, uint64_t count,
    uint64_t bytes)
{
    if (count == 0)
        return;
    if (groups->count >= PATTERN_GROUPS_MAX)
        make_room(groups);
    add_to_slot(groups, pattern, count, bytes);
}

void pattern_groups_join(struct pattern_groups *groups, const struct pattern_groups *from)
{
    for (size_t slot = 0; slot < PATTERN_GROUP_SLOTS; slot++)
        pattern_groups_add(groups, &from->slots[slot].pattern, from->slots[slot].count, from->slots[slot].bytes);
    groups->others_count += from->others_count;
    groups->others_bytes += from->others_bytes;
}

static int compare_groups(const void *left, const void *right)
{
    const struct pattern_group *a = left, *b = right;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    if (a->count != b->count)
        return a->count < b->count ? 1 : -1;
    return memcmp(&a->pattern, &b->pattern, sizeof(a->pattern));
}

static struct error *add_row(struct group_rows *rows, const char *name, uint64_t count, uint64_t bytes)
{
    struct group_row *row = ARRAY_ADD(rows);
    if (!row)
        return error_no_memory();
    *row = (struct group_row){strdup(name), count, bytes};
    return row->name ? NULL : error_no_memory();
}

struct error *pattern_groups_tell(struct pattern_groups *groups, size_t limit, struct group_rows *rows)
{
    keep_above(groups, 1, LARGE_BYTES - 1);
    qsort(groups->slots, PATTERN_GROUP_SLOTS, sizeof(*groups->slots), compare_groups);
    struct error *error = NULL;
    for (size_t i = 0; i < groups->count && !error; i++) {
        const struct pattern_group *group = &groups->slots[i];
        if (i < limit) {
            error = add_row(rows, group->pattern.text, group->count, group->bytes);
        } else {
            groups->others_count += group->count;
            groups->others_bytes += group->bytes;
        }
    }
    if (!error && groups->others_count)
        error = add_row(rows, GROUP_ROW_OTHERS, groups->others_count, groups->others_bytes);
    return error;
}
