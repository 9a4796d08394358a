#include "analyze/reach.h"

#include <stdlib.h>
#include <string.h>

/* Roots of equal standing: what any of them reaches is taken before the next group is looked at. */
static unsigned standing_of_root(enum reference_kind kind)
{
    switch (kind) {
    case ROOT_GLOBALS:
    case ROOT_LOADED:
        return 0;
    case ROOT_REGISTRY:
        return 1;
    case ROOT_MAIN_THREAD:
    case ROOT_RUNNING_THREAD:
        return 2;
    default:
        return 3;
    }
}

enum { STANDINGS = 4 };

static void visit(const struct object_graph *graph, struct reach *reach, object_id object, uint32_t index)
{
    if (reach->via[object] != REACH_NONE)
        return;
    reach->via[object] = index;
    reach->order[reach->live_objects++] = object;
    reach->live_bytes += graph->bytes[object];
}

static void follow(const struct object_graph *graph, struct reach *reach, uint32_t index)
{
    struct reference reference = graph->references[index];
    object_id key = reference_key(reference);
    visit(graph, reach, reference.target, index);
    if (key != OBJECT_NONE)
        visit(graph, reach, key, index);
}

static void visit_references(const struct object_graph *graph, struct reach *reach, object_id object)
{
    uint32_t end = graph->first_reference[object + 1];
    for (uint32_t index = graph->first_reference[object]; index < end; index++)
        follow(graph, reach, index);
}

static void walk_live(const struct object_graph *graph, struct reach *reach)
{
    uint64_t next = 0;
    uint32_t first = graph->first_reference[graph->root], end = graph->first_reference[graph->root + 1];
    for (unsigned standing = 0; standing < STANDINGS; standing++) {
        for (uint32_t index = first; index < end; index++)
            if (standing_of_root(reference_kind(graph->references[index].label)) == standing)
                follow(graph, reach, index);
        while (next < reach->live_objects)
            visit_references(graph, reach, reach->order[next++]);
    }
}

static void await(struct reach *reach, const struct object_graph *graph, object_id object, uint64_t *count)
{
    if (reach->via[object] != REACH_NONE || reach_is_awaited(reach, object))
        return;
    reach->awaited[object / 8] |= (uint8_t)(1 << object % 8);
    /* The list of what is awaited stands behind that of what is live. */
    reach->order[reach->live_objects + (*count)++] = object;
    reach->awaited_bytes += graph->bytes[object];
}

/* A finalizer may still use whatever its object refers to, so the collector keeps it all for one more cycle. */
static void walk_awaited(const struct object_graph *graph, struct reach *reach)
{
    uint64_t count = 0, next = 0;
    for (object_id object = 0; object < graph->count; object++)
        if (graph->flags[object] & OBJECT_HAS_FINALIZER)
            await(reach, graph, object, &count);
    while (next < count) {
        object_id object = reach->order[reach->live_objects + next++];
        uint32_t end = graph->first_reference[object + 1];
        for (uint32_t index = graph->first_reference[object]; index < end; index++) {
            object_id key = reference_key(graph->references[index]);
            await(reach, graph, graph->references[index].target, &count);
            if (key != OBJECT_NONE)
                await(reach, graph, key, &count);
        }
    }
    reach->awaited_objects = count;
}

static uint64_t all_bytes(const struct object_graph *graph)
{
    uint64_t bytes = 0;
    for (object_id object = 0; object < graph->count; object++)
        bytes += graph->bytes[object];
    return bytes;
}

struct error *reach_find(const struct object_graph *graph, struct reach *reach)
{
    size_t count = (size_t)graph->count + 1;
    *reach = (struct reach){
        .via = malloc(count * sizeof(*reach->via)),
        .order = malloc(count * sizeof(*reach->order)),
        .awaited = calloc(count / 8 + 1, 1),
    };
    if (!reach->via || !reach->order || !reach->awaited)
        return error_no_memory();
    memset(reach->via, 0xff, count * sizeof(*reach->via));
    walk_live(graph, reach);
    walk_awaited(graph, reach);
    reach->doomed_objects = graph->count - reach->live_objects - reach->awaited_objects;
    reach->doomed_bytes = all_bytes(graph) - reach->live_bytes - reach->awaited_bytes;
    return NULL;
}

void reach_free(struct reach *reach)
{
    free(reach->via);
    free(reach->order);
    free(reach->awaited);
    *reach = (struct reach){0};
}

object_id reach_holder(const struct object_graph *graph, uint32_t index)
{
    object_id low = 0, high = graph->root;
    while (low < high) {
        object_id middle = low + (high - low + 1) / 2;
        if (graph->first_reference[middle] <= index)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}
