#include "analyze/growth.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/growth_tree.h"
#include "analyze/step_path.h"
#include "base/array.h"

enum { MOVED_SHARE = 200 }; /* a step whose change is less than one 200th of all change counts for the one above */

/* Of a step and all below it. */
struct subtree {
    struct amount amounts[GROWTH_SIDES];
    uint64_t moved_bytes; /* growth and shrinkage added up, so that they do not hide each other */
    bool became_map;      /* its fields were names, and are elements now, or the other way round */
};

struct comparing {
    struct growth_tree tree;
    struct subtree *subtrees; /* by step */
    uint32_t *rows;           /* by step: the step for which it counts */
    bool *folded;             /* by step: all below counts for the same row */
};

static uint64_t difference(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

static bool is_element(const struct growth_tree *tree, uint32_t step)
{
    return strncmp(path_tree_name(&tree->paths, step), "[*]", 3) == 0;
}

/* Children stand behind their parents. */
static void sum_subtrees(struct comparing *comparing)
{
    const struct growth_tree *tree = &comparing->tree;
    for (uint32_t step = (uint32_t)tree->count; step-- > 0;) {
        const struct amount *own = tree->items[step].amounts;
        struct subtree *sum = &comparing->subtrees[step];
        for (unsigned side = 0; side < GROWTH_SIDES; side++) {
            sum->amounts[side].objects += own[side].objects;
            sum->amounts[side].bytes += own[side].bytes;
        }
        sum->moved_bytes += difference(own[GROWTH_BEFORE].bytes, own[GROWTH_AFTER].bytes);
        if (step == 0)
            return;
        struct subtree *above = &comparing->subtrees[tree->paths.nodes[step].parent];
        for (unsigned side = 0; side < GROWTH_SIDES; side++) {
            above->amounts[side].objects += sum->amounts[side].objects;
            above->amounts[side].bytes += sum->amounts[side].bytes;
        }
        above->moved_bytes += sum->moved_bytes;
        above->became_map |= is_element(tree, step) && !own[GROWTH_BEFORE].objects != !own[GROWTH_AFTER].objects;
    }
}

/* Did elements become more, rather than bigger? */
static bool elements_became_more(const struct comparing *comparing, uint32_t step)
{
    const struct amount *own = comparing->tree.items[step].amounts;
    const struct amount *all = comparing->subtrees[step].amounts;
    if (own[GROWTH_BEFORE].objects == own[GROWTH_AFTER].objects)
        return false;
    if (own[GROWTH_BEFORE].objects == 0)
        return true;
    double expected = (double)all[GROWTH_BEFORE].bytes / (double)own[GROWTH_BEFORE].objects
        * (double)own[GROWTH_AFTER].objects;
    double bigger = (double)all[GROWTH_AFTER].bytes - expected;
    double grown = (double)growth_of(all[GROWTH_BEFORE].bytes, all[GROWTH_AFTER].bytes);
    return (bigger < 0 ? -bigger : bigger) * 2 <= (grown < 0 ? -grown : grown);
}

static void choose_rows(struct comparing *comparing)
{
    const struct growth_tree *tree = &comparing->tree;
    uint64_t worth_bytes = comparing->subtrees[0].moved_bytes / MOVED_SHARE;
    for (uint32_t step = 1; step < tree->count; step++) {
        uint32_t parent = tree->paths.nodes[step].parent;
        bool folds = comparing->folded[parent] || comparing->subtrees[parent].became_map
            || (is_element(tree, step) && elements_became_more(comparing, step));
        bool stands_alone = !folds && comparing->subtrees[step].moved_bytes > worth_bytes;
        comparing->folded[step] = folds;
        comparing->rows[step] = stands_alone ? step : comparing->rows[parent];
    }
}

static int compare_paths(const void *left, const void *right)
{
    const struct growth_path *a = left, *b = right;
    int64_t more_a = growth_of(a->before.bytes, a->after.bytes), more_b = growth_of(b->before.bytes, b->after.bytes);
    return more_a != more_b ? (more_a < more_b ? 1 : -1) : strcmp(a->path, b->path);
}

static struct error *tell_paths(const struct comparing *comparing, struct growth *growth)
{
    const struct growth_tree *tree = &comparing->tree;
    struct growth_path *rows = calloc(tree->count, sizeof(*rows));
    char path[OBJECT_PATH_BYTES];
    if (!rows)
        return error_no_memory();
    for (uint32_t step = 0; step < tree->count; step++) {
        struct growth_path *row = &rows[comparing->rows[step]];
        const struct amount *own = tree->items[step].amounts;
        row->before.objects += own[GROWTH_BEFORE].objects;
        row->before.bytes += own[GROWTH_BEFORE].bytes;
        row->after.objects += own[GROWTH_AFTER].objects;
        row->after.bytes += own[GROWTH_AFTER].bytes;
    }
    growth->paths = rows;
    for (uint32_t step = 0; step < tree->count; step++) {
        struct growth_path row = rows[step];
        if (!amount_differs(&row.before, &row.after))
            continue;
        step_path(&tree->paths, step, path);
        row.path = strdup(path[0] ? path : "(small changes elsewhere)");
        if (!row.path)
            return error_no_memory();
        rows[growth->path_count++] = row;
    }
    qsort(rows, growth->path_count, sizeof(*rows), compare_paths);
    return NULL;
}

/* Tables that came in numbers are elements of something that grew; that is told as its records. */
static bool tell_table(const struct growth_step *step, struct growth_table *row)
{
    row->before = step->tables[GROWTH_BEFORE];
    row->after = step->tables[GROWTH_AFTER];
    if (row->before.tables == 0 && row->after.tables > 1)
        return false;
    double expected = row->before.tables
        ? (double)row->before.records / (double)row->before.tables * (double)row->after.tables : 0;
    row->more_records = (double)row->after.records - expected;
    return row->more_records >= 1 || row->more_records <= -1;
}

static int compare_tables(const void *left, const void *right)
{
    const struct growth_table *a = left, *b = right;
    if (a->more_records != b->more_records)
        return a->more_records < b->more_records ? 1 : -1;
    return strcmp(a->path, b->path);
}

static struct error *tell_tables(const struct growth_tree *tree, struct growth *growth)
{
    ARRAY(struct growth_table) rows = {0};
    char path[OBJECT_PATH_BYTES];
    struct error *error = NULL;
    for (uint32_t step = 0; step < tree->count && !error; step++) {
        struct growth_table row = {0};
        if (!tell_table(&tree->items[step], &row))
            continue;
        step_path(&tree->paths, step, path);
        struct growth_table *added = ARRAY_ADD(&rows);
        row.path = added ? strdup(path) : NULL;
        if (added)
            *added = row;
        error = row.path ? NULL : error_no_memory();
    }
    growth->tables = rows.items;
    growth->table_count = rows.count;
    if (rows.count && !error)
        qsort(rows.items, rows.count, sizeof(*rows.items), compare_tables);
    return error;
}

static uint64_t bytes_of(const struct amount *amounts, size_t count)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += amounts[i].bytes;
    return bytes;
}

/* Each of the three ways to tell what is live must come to what was reached. */
static void add_checks(const struct moment *before, const struct moment *after, const struct comparing *comparing,
    struct checks *checks)
{
    const struct amount *paths = comparing->subtrees[0].amounts;
    checks_add(checks, "paths before sum to the live bytes", before->live.bytes, paths[GROWTH_BEFORE].bytes);
    checks_add(checks, "paths after sum to the live bytes", after->live.bytes, paths[GROWTH_AFTER].bytes);
    checks_add(checks, "types sum to the live bytes", before->live.bytes + after->live.bytes,
        bytes_of(before->types, LUA_TYPES) + bytes_of(after->types, LUA_TYPES));
    checks_add(checks, "sizes sum to the live bytes", before->live.bytes + after->live.bytes,
        bytes_of(before->sizes, HISTOGRAM_BINS) + bytes_of(after->sizes, HISTOGRAM_BINS));
}

static struct error *compare(struct comparing *comparing, struct growth *growth)
{
    comparing->subtrees = calloc(comparing->tree.count, sizeof(*comparing->subtrees));
    comparing->rows = calloc(comparing->tree.count, sizeof(*comparing->rows));
    comparing->folded = calloc(comparing->tree.count, sizeof(*comparing->folded));
    if (!comparing->subtrees || !comparing->rows || !comparing->folded)
        return error_no_memory();
    sum_subtrees(comparing);
    choose_rows(comparing);
    struct error *error = tell_paths(comparing, growth);
    return error ? error : tell_tables(&comparing->tree, growth);
}

struct error *growth_find(const struct moment *before, const struct moment *after, struct growth *growth)
{
    struct comparing comparing = {0};
    struct growth found = {0};
    struct error *error = growth_tree_make(before, after, &comparing.tree);
    if (!error)
        error = compare(&comparing, &found);
    if (!error)
        add_checks(before, after, &comparing, &found.checks);
    growth_tree_free(&comparing.tree);
    free(comparing.subtrees);
    free(comparing.rows);
    free(comparing.folded);
    if (error)
        growth_free(&found);
    else
        *growth = found;
    return error;
}

void growth_free(struct growth *growth)
{
    for (size_t i = 0; i < growth->path_count; i++)
        free(growth->paths[i].path);
    for (size_t i = 0; i < growth->table_count; i++)
        free(growth->tables[i].path);
    free(growth->paths);
    free(growth->tables);
    *growth = (struct growth){0};
}
