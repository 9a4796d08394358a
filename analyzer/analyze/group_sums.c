#include "analyze/group_sums.h"

#include <stdlib.h>

#include "base/array.h"

enum {
    SLOTS_FIRST = 64,
    NAMED_MAX = 4096, /* the largest groups; all others go unnamed, since rows are searched one by one */
};

static size_t slot_of(const struct group_sums *sums, uint64_t key)
{
    size_t slot = (size_t)(key * 0x9e3779b97f4a7c15u >> 32) & (sums->slot_count - 1);
    while (sums->slots[slot] && sums->items[sums->slots[slot] - 1].key != key)
        slot = (slot + 1) & (sums->slot_count - 1);
    return slot;
}

/* Keep the table at most half full. */
static bool make_room(struct group_sums *sums)
{
    if (sums->count * 2 < sums->slot_count)
        return true;
    size_t wanted = sums->slot_count ? sums->slot_count * 2 : SLOTS_FIRST;
    uint32_t *slots = sums->count < UINT32_MAX / 2 ? calloc(wanted, sizeof(*slots)) : NULL;
    if (!slots)
        return false;
    free(sums->slots);
    sums->slots = slots;
    sums->slot_count = wanted;
    for (size_t i = 0; i < sums->count; i++)
        sums->slots[slot_of(sums, sums->items[i].key)] = (uint32_t)i + 1;
    return true;
}

static struct group_sum *find_or_make(struct group_sums *sums, uint64_t key, object_id example)
{
    if (sums->latest < sums->count && sums->items[sums->latest].key == key)
        return &sums->items[sums->latest];
    if (!make_room(sums))
        return NULL;
    size_t slot = slot_of(sums, key);
    if (!sums->slots[slot]) {
        struct group_sum *added = ARRAY_ADD(sums);
        if (!added)
            return NULL;
        *added = (struct group_sum){.key = key, .example = example};
        sums->slots[slot] = (uint32_t)sums->count;
    }
    sums->latest = sums->slots[slot] - 1;
    return &sums->items[sums->latest];
}

void group_sums_add(struct group_sums *sums, uint64_t key, object_id example, uint64_t bytes)
{
    struct group_sum *sum = find_or_make(sums, key, example);
    if (!sum) {
        sums->out_of_memory = true;
        return;
    }
    sum->count++;
    sum->bytes += bytes;
}

static int compare_sums(const void *left, const void *right)
{
    const struct group_sum *a = left, *b = right;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    return (a->key > b->key) - (a->key < b->key);
}

static struct error *name_largest(const struct group_sums *sums, group_namer namer, const struct object_paths *paths,
    struct group_rows *rows)
{
    struct error *error = NULL;
    for (size_t i = 0; i < sums->count && i < NAMED_MAX && !error; i++) {
        char name[OBJECT_NAME_BYTES];
        namer(paths, &sums->items[i], name);
        error = group_rows_add(rows, name, sums->items[i].count, sums->items[i].bytes);
    }
    struct group_sum others = {0};
    for (size_t i = NAMED_MAX; i < sums->count; i++) {
        others.count += sums->items[i].count;
        others.bytes += sums->items[i].bytes;
    }
    return error || others.count == 0 ? error : group_rows_add(rows, GROUP_ROW_OTHERS, others.count, others.bytes);
}

struct error *group_sums_name(struct group_sums *sums, group_namer namer, const struct object_paths *paths,
    size_t limit, struct group_rows *rows)
{
    struct error *error = sums->out_of_memory ? error_no_memory() : NULL;
    if (!error && sums->count) {
        qsort(sums->items, sums->count, sizeof(*sums->items), compare_sums);
        error = name_largest(sums, namer, paths, rows);
    }
    if (!error)
        error = group_rows_finish(rows, limit);
    group_sums_free(sums);
    return error;
}

void group_sums_free(struct group_sums *sums)
{
    free(sums->items);
    free(sums->slots);
    *sums = (struct group_sums){0};
}
