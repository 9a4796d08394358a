#include "analyze/large_tables.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/size.h"

/* The largest of all that were offered, smallest first in a heap: so that most offers cost one comparison. */
struct best {
    struct candidate {
        uint64_t size;
        object_id table;
    } *items;
    size_t count, limit;
};

static bool is_smaller(struct candidate a, struct candidate b)
{
    return a.size != b.size ? a.size < b.size : a.table > b.table;
}

static void sink(struct best *best, size_t at)
{
    for (size_t child; (child = 2 * at + 1) < best->count; at = child) {
        if (child + 1 < best->count && is_smaller(best->items[child + 1], best->items[child]))
            child++;
        if (!is_smaller(best->items[child], best->items[at]))
            return;
        struct candidate swapped = best->items[at];
        best->items[at] = best->items[child];
        best->items[child] = swapped;
    }
}

static void rise(struct best *best, size_t at)
{
    while (at && is_smaller(best->items[at], best->items[(at - 1) / 2])) {
        struct candidate swapped = best->items[at];
        best->items[at] = best->items[(at - 1) / 2];
        best->items[(at - 1) / 2] = swapped;
        at = (at - 1) / 2;
    }
}

static void offer(struct best *best, object_id table, uint64_t size)
{
    struct candidate candidate = {size, table};
    if (best->count < best->limit) {
        best->items[best->count] = candidate;
        rise(best, best->count++);
    } else if (best->count && is_smaller(best->items[0], candidate)) {
        best->items[0] = candidate;
        sink(best, 0);
    }
}

enum { BY_RECORDS, BY_BYTES, BY_RETAINED, ORDERS };

static void offer_all(const struct object_paths *paths, const struct dominators *dominators, struct best *best)
{
    const struct object_graph *graph = paths->graph;
    for (object_id object = 0; object < graph->count; object++) {
        if (graph->types[object] != LUA_TYPE_TABLE || paths->reach->via[object] == REACH_NONE)
            continue;
        offer(&best[BY_RECORDS], object, graph_table_records(graph, object));
        offer(&best[BY_BYTES], object, graph->bytes[object]);
        offer(&best[BY_RETAINED], object, dominators_retained(dominators, graph, object));
    }
}

struct choice {
    object_id *tables; /* by id */
    uint64_t *held;    /* live references to each */
    size_t count;
};

static int compare_ids(const void *left, const void *right)
{
    object_id a = *(const object_id *)left, b = *(const object_id *)right;
    return a < b ? -1 : a > b;
}

static struct error *unite(const struct best *best, struct choice *choice)
{
    size_t room = 1;
    for (unsigned order = 0; order < ORDERS; order++)
        room += best[order].count;
    choice->tables = calloc(room, sizeof(*choice->tables));
    choice->held = calloc(room, sizeof(*choice->held));
    if (!choice->tables || !choice->held)
        return error_no_memory();
    for (unsigned order = 0; order < ORDERS; order++)
        for (size_t i = 0; i < best[order].count; i++)
            choice->tables[choice->count++] = best[order].items[i].table;
    qsort(choice->tables, choice->count, sizeof(*choice->tables), compare_ids);
    size_t kept = 0;
    for (size_t i = 0; i < choice->count; i++)
        if (i == 0 || choice->tables[i] != choice->tables[i - 1])
            choice->tables[kept++] = choice->tables[i];
    choice->count = kept;
    return NULL;
}

/* Count the live references to what was chosen. A mark a table keeps the search off all other references. */
static struct error *count_references(const struct object_graph *graph, const struct reach *reach,
    struct choice *choice)
{
    uint8_t *chosen = calloc((size_t)graph->count / 8 + 1, 1);
    if (!chosen)
        return error_no_memory();
    for (size_t i = 0; i < choice->count; i++)
        chosen[choice->tables[i] / 8] |= (uint8_t)(1 << choice->tables[i] % 8);
    for (uint64_t i = 0; i <= reach->live_objects; i++) {
        object_id holder = i < reach->live_objects ? reach->order[i] : graph->root;
        uint32_t end = graph->first_reference[holder + 1];
        for (uint32_t index = graph->first_reference[holder]; index < end; index++) {
            object_id target = graph->references[index].target;
            if (!(chosen[target / 8] >> target % 8 & 1))
                continue;
            const object_id *found = bsearch(&target, choice->tables, choice->count, sizeof(target), compare_ids);
            choice->held[found - choice->tables]++;
        }
    }
    free(chosen);
    return NULL;
}

static int compare_rows(const void *left, const void *right)
{
    const struct table_row *a = left, *b = right;
    if (a->retained_bytes != b->retained_bytes)
        return a->retained_bytes < b->retained_bytes ? 1 : -1;
    return a->bytes != b->bytes ? (a->bytes < b->bytes ? 1 : -1) : strcmp(a->path, b->path);
}

static struct error *add_rows(const struct object_paths *paths, const struct dominators *dominators,
    const struct choice *choice, struct table_rows *rows)
{
    const struct object_graph *graph = paths->graph;
    for (size_t i = 0; i < choice->count; i++) {
        object_id table = choice->tables[i];
        char path[OBJECT_PATH_BYTES];
        object_path(paths, table, path);
        char *text = strdup(path);
        struct table_row *row = text ? ARRAY_ADD(rows) : NULL;
        if (!row) {
            free(text);
            return error_no_memory();
        }
        *row = (struct table_row){
            .path = text,
            .records = graph_table_records(graph, table),
            .array_slots = graph_table_array_slots(graph, table),
            .hash_slots = graph_table_hash_slots(graph, table),
            .bytes = graph->bytes[table],
            .retained_bytes = dominators_retained(dominators, graph, table),
            .other_references = choice->held[i] ? choice->held[i] - 1 : 0,
        };
    }
    if (rows->count)
        qsort(rows->items, rows->count, sizeof(*rows->items), compare_rows);
    return NULL;
}

struct error *large_tables_find(const struct object_paths *paths, const struct dominators *dominators, size_t top,
    struct table_rows *rows)
{
    struct best best[ORDERS];
    struct choice choice = {0};
    struct error *error = NULL;
    size_t limit = size_min(top, paths->graph->count);
    for (unsigned order = 0; order < ORDERS; order++) {
        best[order] = (struct best){.items = calloc(limit + 1, sizeof(*best[order].items)), .limit = limit};
        if (!best[order].items)
            error = error ? error : error_no_memory();
    }
    if (!error) {
        offer_all(paths, dominators, best);
        error = unite(best, &choice);
    }
    if (!error)
        error = count_references(paths->graph, paths->reach, &choice);
    if (!error)
        error = add_rows(paths, dominators, &choice, rows);
    for (unsigned order = 0; order < ORDERS; order++)
        free(best[order].items);
    free(choice.tables);
    free(choice.held);
    return error;
}
