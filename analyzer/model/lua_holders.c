#include "model/lua_holders.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

struct error *group_rows_add(struct group_rows *rows, const char *name, uint64_t count, uint64_t bytes)
{
    size_t i = 0;
    while (i < rows->count && strcmp(rows->items[i].name, name) != 0)
        i++;
    if (i == rows->count) {
        char *copy = strdup(name);
        struct group_row *row = copy ? ARRAY_ADD(rows) : NULL;
        if (!row) {
            free(copy);
            return error_no_memory();
        }
        row->name = copy;
    }
    rows->items[i].count += count;
    rows->items[i].bytes += bytes;
    return NULL;
}

static int compare_groups(const void *left, const void *right)
{
    const struct group_row *a = left, *b = right;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    if (a->count != b->count)
        return a->count < b->count ? 1 : -1;
    return strcmp(a->name, b->name);
}

/* Take the row of the others out, wherever it stands. */
static struct group_row take_others(struct group_rows *rows)
{
    struct group_row others = {0};
    size_t kept = 0;
    for (size_t i = 0; i < rows->count; i++) {
        if (strcmp(rows->items[i].name, GROUP_ROW_OTHERS) == 0) {
            others.count += rows->items[i].count;
            others.bytes += rows->items[i].bytes;
            free(rows->items[i].name);
        } else {
            rows->items[kept++] = rows->items[i];
        }
    }
    rows->count = kept;
    return others;
}

struct error *group_rows_finish(struct group_rows *rows, size_t limit)
{
    struct group_row others = take_others(rows);
    if (rows->count)
        qsort(rows->items, rows->count, sizeof(*rows->items), compare_groups);
    while (rows->count > limit) {
        struct group_row *last = &rows->items[--rows->count];
        others.count += last->count;
        others.bytes += last->bytes;
        free(last->name);
    }
    return others.count ? group_rows_add(rows, GROUP_ROW_OTHERS, others.count, others.bytes) : NULL;
}

void group_rows_free(struct group_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        free(rows->items[i].name);
    ARRAY_FREE(rows);
}

void lua_holders_free(struct lua_holders *holders)
{
    for (size_t i = 0; i < holders->tables.count; i++)
        free(holders->tables.items[i].path);
    ARRAY_FREE(&holders->tables);
    for (size_t i = 0; i < holders->pins.count; i++)
        free(holders->pins.items[i].path);
    ARRAY_FREE(&holders->pins);
    path_tree_free(&holders->references);
    struct group_rows *const groups[] = {
        &holders->garbage_types, &holders->garbage_functions, &holders->string_patterns, &holders->string_sizes,
        &holders->cdata_types, &holders->cdata_finalized, &holders->userdata_types, &holders->proto_files,
        &holders->trace_files, &holders->coroutine_lines,
    };
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
        group_rows_free(groups[i]);
    *holders = (struct lua_holders){0};
}
