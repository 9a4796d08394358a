/*
 * Semi-NCA after Georgiadis and Tarjan. Nodes are the live objects that matter for it: those that refer to others, and
 * those that are held twice. They are numbered in the order of a depth-first walk; node 0 is the root. A live object
 * that is no node is held once and holds nothing: its bytes are its holder's.
 */
#include "analyze/dominators.h"

#include <stdlib.h>
#include <string.h>

enum { HELD_TWICE = 2 };

struct search {
    const struct object_graph *graph;
    uint32_t *number;     /* by object, the root node included: its node, or OBJECT_NONE */
    uint32_t count;       /* nodes */
    object_id *object;    /* by node */
    uint32_t *parent;     /* in the walk's tree; later the immediate dominator */
    uint32_t *ancestor;   /* as parent, but shortened as the search goes */
    uint32_t *best;       /* the node with the smallest semi-dominator on the way to the ancestor */
    uint32_t *semi;
    uint32_t *first_holder, *holders; /* who refers to a node, as nodes */
    uint32_t *stack;
    uint64_t *own_bytes;  /* with those of objects that are no nodes; later what is retained */
};

static bool has_references(const struct object_graph *graph, object_id object)
{
    return graph->first_reference[object + 1] > graph->first_reference[object];
}

/* How often each live object is held by live ones; what counts is none, once, or twice and more. */
static uint8_t *count_holders(const struct object_graph *graph, const struct reach *reach)
{
    uint8_t *held = calloc((size_t)graph->count + 1, sizeof(*held));
    for (uint64_t i = 0; held && i <= reach->live_objects; i++) {
        object_id object = i < reach->live_objects ? reach->order[i] : graph->root;
        uint32_t end = graph->first_reference[object + 1];
        for (uint32_t index = graph->first_reference[object]; index < end; index++) {
            object_id target = graph->references[index].target;
            if (held[target] < HELD_TWICE)
                held[target]++;
        }
    }
    return held;
}

/* Mark what will be a node by 0 in `number`, everything else by OBJECT_NONE; count them. */
static struct error *choose_nodes(struct search *search, const struct reach *reach)
{
    const struct object_graph *graph = search->graph;
    uint8_t *held = count_holders(graph, reach);
    search->number = malloc(((size_t)graph->count + 1) * sizeof(*search->number));
    if (!held || !search->number) {
        free(held);
        return error_no_memory();
    }
    memset(search->number, 0xff, ((size_t)graph->count + 1) * sizeof(*search->number));
    search->number[graph->root] = 0;
    search->count = 1;
    for (uint64_t i = 0; i < reach->live_objects; i++) {
        object_id object = reach->order[i];
        if (held[object] >= HELD_TWICE || has_references(graph, object)) {
            search->number[object] = 0;
            search->count++;
        }
    }
    free(held);
    return NULL;
}

static struct error *make_arrays(struct search *search)
{
    size_t count = (size_t)search->count + 1;
    search->object = malloc(count * sizeof(*search->object));
    search->parent = malloc(count * sizeof(*search->parent));
    search->ancestor = malloc(count * sizeof(*search->ancestor));
    search->stack = malloc(count * sizeof(*search->stack));
    search->own_bytes = calloc(count, sizeof(*search->own_bytes));
    search->first_holder = calloc(count + 1, sizeof(*search->first_holder));
    bool made = search->object && search->parent && search->ancestor && search->stack && search->own_bytes
        && search->first_holder;
    return made ? NULL : error_no_memory();
}

static void number_node(struct search *search, object_id object, uint32_t parent, uint32_t *next)
{
    search->number[object] = *next;
    search->object[*next] = object;
    search->parent[*next] = search->ancestor[*next] = parent;
    search->own_bytes[*next] = object == search->graph->root ? 0 : search->graph->bytes[object];
    ++*next;
}

/*
 * The depth-first walk. first_holder is not in use yet and keeps, for the nodes on the stack, how far their
 * references were followed. A node is new when its number is still 0 and it is not the root.
 */
static void number_nodes(struct search *search)
{
    const struct object_graph *graph = search->graph;
    uint32_t next = 0, depth = 0;
    uint32_t *progress = search->first_holder;
    number_node(search, graph->root, 0, &next);
    progress[0] = graph->first_reference[graph->root];
    search->stack[depth++] = 0;
    while (depth) {
        uint32_t node = search->stack[depth - 1];
        object_id object = search->object[node];
        if (progress[node] == graph->first_reference[object + 1]) {
            depth--;
            continue;
        }
        object_id target = graph->references[progress[node]++].target;
        uint32_t number = search->number[target];
        if (number == OBJECT_NONE) {
            search->own_bytes[node] += graph->bytes[target];
        } else if (number == 0) {
            search->stack[depth++] = next;
            progress[next] = graph->first_reference[target];
            number_node(search, target, node, &next);
        }
    }
}

/* The references between nodes, turned round. */
static struct error *turn_references(struct search *search)
{
    const struct object_graph *graph = search->graph;
    uint32_t *first = search->first_holder;
    memset(first, 0, ((size_t)search->count + 2) * sizeof(*first));
    for (int filling = 0; filling < 2; filling++) {
        for (uint32_t node = 0; node < search->count; node++) {
            object_id object = search->object[node];
            uint32_t end = graph->first_reference[object + 1];
            for (uint32_t index = graph->first_reference[object]; index < end; index++) {
                uint32_t target = search->number[graph->references[index].target];
                if (target == OBJECT_NONE)
                    continue;
                if (filling)
                    search->holders[first[target]++] = node;
                else
                    first[target + 1]++;
            }
        }
        if (filling)
            break;
        for (uint32_t node = 0; node < search->count; node++)
            first[node + 1] += first[node];
        search->holders = malloc(((size_t)first[search->count] + 1) * sizeof(*search->holders));
        if (!search->holders)
            return error_no_memory();
    }
    /* Filling has moved each start to the next one's. */
    memmove(first + 1, first, search->count * sizeof(*first));
    first[0] = 0;
    return NULL;
}

/* The best node on the way from `node` up to those that are not linked yet, shortening the way. */
static uint32_t best_above(struct search *search, uint32_t node, uint32_t linked_from)
{
    if (node < linked_from)
        return node;
    uint32_t depth = 0, top = node;
    while (search->ancestor[top] >= linked_from) {
        search->stack[depth++] = top;
        top = search->ancestor[top];
    }
    uint32_t best = search->best[top];
    while (depth) {
        uint32_t below = search->stack[--depth];
        if (search->semi[best] < search->semi[search->best[below]])
            search->best[below] = best;
        else
            best = search->best[below];
        search->ancestor[below] = search->ancestor[top];
    }
    return search->best[node];
}

static struct error *find_dominators(struct search *search)
{
    size_t count = (size_t)search->count + 1;
    search->best = malloc(count * sizeof(*search->best));
    search->semi = malloc(count * sizeof(*search->semi));
    if (!search->best || !search->semi)
        return error_no_memory();
    for (uint32_t node = 0; node < search->count; node++)
        search->best[node] = search->semi[node] = node;
    for (uint32_t node = search->count - 1; node > 0; node--) {
        uint32_t semi = search->parent[node];
        for (uint32_t i = search->first_holder[node]; i < search->first_holder[node + 1]; i++) {
            uint32_t candidate = search->semi[best_above(search, search->holders[i], node + 1)];
            semi = candidate < semi ? candidate : semi;
        }
        search->semi[node] = semi;
    }
    for (uint32_t node = 1; node < search->count; node++)
        while (search->parent[node] > search->semi[node])
            search->parent[node] = search->parent[search->parent[node]];
    return NULL;
}

static void sum_retained(struct search *search)
{
    for (uint32_t node = search->count - 1; node > 0; node--)
        search->own_bytes[search->parent[node]] += search->own_bytes[node];
}

static void free_all_but_results(struct search *search)
{
    free(search->object);
    free(search->parent);
    free(search->ancestor);
    free(search->best);
    free(search->semi);
    free(search->first_holder);
    free(search->holders);
    free(search->stack);
}

struct error *dominators_find(const struct object_graph *graph, const struct reach *reach,
    struct dominators *dominators)
{
    struct search search = {.graph = graph};
    *dominators = (struct dominators){0};
    struct error *error = choose_nodes(&search, reach);
    if (!error)
        error = make_arrays(&search);
    if (!error) {
        number_nodes(&search);
        error = turn_references(&search);
    }
    if (!error)
        error = find_dominators(&search);
    if (!error)
        sum_retained(&search);
    free_all_but_results(&search);
    *dominators = (struct dominators){search.number, search.own_bytes};
    return error;
}

uint64_t dominators_retained(const struct dominators *dominators, const struct object_graph *graph, object_id object)
{
    uint32_t node = dominators->number[object];
    return node == OBJECT_NONE ? graph->bytes[object] : dominators->retained_bytes[node];
}

void dominators_free(struct dominators *dominators)
{
    free(dominators->number);
    free(dominators->retained_bytes);
    *dominators = (struct dominators){0};
}
