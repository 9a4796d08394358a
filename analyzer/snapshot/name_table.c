#include "snapshot/name_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

int name_entry_compare(const void *left, const void *right)
{
    const struct name_entry *a = left, *b = right;
    if (a->bearer != b->bearer)
        return a->bearer < b->bearer ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* The target of the object's first reference of this kind, or the object itself. */
static object_id first_target(const struct object_graph *graph, object_id object, enum reference_kind kind)
{
    for (uint32_t i = graph->first_reference[object]; i < graph->first_reference[object + 1]; i++)
        if (reference_kind(graph->references[i].label) == kind)
            return graph->references[i].target;
    return object;
}

object_id name_table_bearer(const struct object_graph *graph, enum object_name_kind kind, object_id object,
    unsigned *list)
{
    *list = kind;
    if (kind == NAME_TYPE && graph->types[object] == LUA_TYPE_CDATA) {
        *list = NAME_KIND_C_TYPE;
        return graph->details[object];
    }
    if (kind == NAME_TYPE)
        return first_target(graph, object, REFERENCE_METATABLE);
    if (graph->types[object] == LUA_TYPE_FUNCTION)
        return first_target(graph, object, REFERENCE_PROTO);
    return object;
}

static bool get_name(void *context, enum object_name_kind kind, object_id object, uint32_t index, char *name)
{
    const struct name_table *table = context;
    if (object >= table->graph->count)
        return false;
    unsigned number;
    struct name_entry wanted = {.bearer = name_table_bearer(table->graph, kind, object, &number), .index = index};
    const struct name_list *list = &table->lists[number];
    const struct name_entry *found = list->count
        ? bsearch(&wanted, list->items, list->count, sizeof(wanted), name_entry_compare) : NULL;
    if (found)
        memcpy(name, table->texts + found->text, strlen(table->texts + found->text) + 1); /* no more than it can hold */
    return found != NULL;
}

static void release_names(void *context)
{
    name_table_free(context);
    free(context);
}

struct object_names name_table_names(struct name_table *table)
{
    return (struct object_names){.get = get_name, .release = release_names, .context = table};
}

void name_table_free(struct name_table *table)
{
    for (unsigned list = 0; list < NAME_TABLE_KINDS; list++)
        ARRAY_FREE(&table->lists[list]);
    free(table->texts);
    *table = (struct name_table){.graph = table->graph};
}

struct error *name_table_add(struct name_table *table, unsigned list, struct name_entry entry, const char *text)
{
    size_t bytes = strnlen(text, OBJECT_NAME_BYTES - 1);
    if (table->text_bytes + bytes >= UINT32_MAX)
        return error_new(ERROR_FAILED, "the names of this state take more than 4 GiB");
    while (table->text_capacity - table->text_bytes <= bytes)
        if (!array_reserve_one((void **)&table->texts, &table->text_capacity, table->text_capacity, 1))
            return error_no_memory();
    struct name_entry *added = ARRAY_ADD(&table->lists[list]);
    if (!added)
        return error_no_memory();
    *added = entry;
    added->text = (uint32_t)table->text_bytes;
    memcpy(table->texts + table->text_bytes, text, bytes);
    table->texts[table->text_bytes + bytes] = 0;
    table->text_bytes += bytes + 1;
    return NULL;
}
