#include "model/object_graph.h"

#include <stdlib.h>

static int compare_tables(const void *left, const void *right)
{
    object_id a = ((const struct table_number *)left)->table, b = ((const struct table_number *)right)->table;
    return a < b ? -1 : a > b;
}

/* The number of `table` in the list, or `otherwise`. */
static uint32_t find_number(const struct table_numbers *list, object_id table, uint32_t otherwise)
{
    const struct table_number wanted = {.table = table};
    const struct table_number *found = list->count
        ? bsearch(&wanted, list->items, list->count, sizeof(wanted), compare_tables) : NULL;
    return found ? found->number : otherwise;
}

uint32_t graph_table_records(const struct object_graph *graph, object_id table)
{
    uint16_t records = graph->details[table];
    return records < DETAIL_TABLE_RECORDS_MAX ? records : find_number(&graph->many_records, table, records);
}

uint32_t graph_table_array_slots(const struct object_graph *graph, object_id table)
{
    return find_number(&graph->array_slots, table, 0);
}

uint32_t graph_table_hash_slots(const struct object_graph *graph, object_id table)
{
    unsigned exponent = graph->flags[table] >> OBJECT_HASH_SHIFT;
    return exponent ? 1u << exponent : 0;
}

object_id graph_referred(const struct object_graph *graph, object_id object, enum reference_kind kind)
{
    uint32_t end = graph->first_reference[object + 1];
    for (uint32_t index = graph->first_reference[object]; index < end; index++)
        if (reference_kind(graph->references[index].label) == kind)
            return graph->references[index].target;
    return OBJECT_NONE;
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
    free(graph->many_records.items);
    free(graph->array_slots.items);
    *graph = (struct object_graph){0};
}
