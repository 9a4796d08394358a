#include "model/object_graph.h"

#include <stdlib.h>

static int compare_large_tables(const void *left, const void *right)
{
    object_id a = ((const struct large_table *)left)->table, b = ((const struct large_table *)right)->table;
    return a < b ? -1 : a > b;
}

uint32_t graph_table_records(const struct object_graph *graph, object_id table)
{
    if (graph->details[table] < DETAIL_TABLE_RECORDS_MAX)
        return graph->details[table];
    const struct large_table wanted = {.table = table};
    const struct large_table *found = bsearch(&wanted, graph->large_tables, graph->large_table_count, sizeof(wanted),
        compare_large_tables);
    return found ? found->records : DETAIL_TABLE_RECORDS_MAX;
}

void object_graph_free(struct object_graph *graph)
{
    object_index_free(&graph->index);
    free(graph->types);
    free(graph->flags);
    free(graph->details);
    free(graph->bytes);
    free(graph->first_reference);
    free(graph->references);
    free(graph->large_tables);
    *graph = (struct object_graph){0};
}
