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
    object_id *object;    /* by node; later a stack */
    uint32_t *parent;     /* in the walk's tree; later the immediate dominator */
    uint32_t *ancestor;   /* as parent, but shortened as the search goes */
    uint32_t *best;       /* the node with the smallest semi-dominator on the way to the ancestor */
    uint32_t *semi;
    uint32_t *first_holder, *holders; /* who refers to a node, as nodes */
    uint64_t *retained_bytes;
};

/* How often each object is held; what counts is none, once, or twice and more. */
static uint8_t *count_holders(const struct object_graph *graph)
{
    uint8_t *held = calloc((size_t)graph->count + 1, sizeof(*held));
    for (uint32_t index = 0; held && index < graph->reference_count; index++) {
        object_id target = graph->references[index].target, key = reference_key(graph->references[index]);
        if (held[target] < HELD_TWICE)
            held[target]++;
        if (key != OBJECT_NONE && held[key] < HELD_TWICE)
            held[key]++;
    }
    return held;
}

static bool has_references(const struct object_graph *graph, object_id object)
{
    return graph->first_reference[object + 1] > graph->first_reference[object];
}

/* Mark what may be a node by 0 in `number`, everything else by OBJECT_NONE; count them. */
static struct error *choose_nodes(struct search *search)
{
    const struct object_graph *graph = search->graph;
    uint8_t *held = count_holders(graph);
    search->number = malloc(((size_t)graph->count + 1) * sizeof(*search->number));
    if (!held || !search->number) {
        free(held);
        return error_no_memory();
    }
    for (object_id object = 0; object <= graph->count; object++) {
        bool is_node = object == graph->root || held[object] >= HELD_TWICE || has_references(graph, object);
        search->number[object] = is_node ? 0 : OBJECT_NONE;
        search->count += is_node;
    }
    free(held);
    return NULL;
}

static void number_node(struct search *search, object_id object, uint32_t parent)
{
    search->number[object] = search->count;
    search->object[search->count] = object;
    search->parent[search->count] = parent;
    search->count++;
}

/*
 * The depth-first walk: from here on only what is live is a node. `progress` keeps, for the nodes on the stack, how far
 * their references were followed. A node is new when its number is still 0; nothing refers to the root.
 */
static void walk_nodes(struct search *search, uint32_t *progress, uint32_t *stack)
{
    const struct object_graph *graph = search->graph;
    uint32_t depth = 0;
    search->count = 0;
    number_node(search, graph->root, 0);
    progress[0] = graph->first_reference[graph->root];
    stack[depth++] = 0;
    while (depth) {
        uint32_t node = stack[depth - 1];
        if (progress[node] == graph->first_reference[search->object[node] + 1]) {
            depth--;
            continue;
        }
        struct reference reference = graph->references[progress[node]++];
        object_id target = reference.target, key = reference_key(reference);
        if (key != OBJECT_NONE && search->number[key] == 0)
            number_node(search, key, node);
        if (search->number[target] == 0) {
            stack[depth++] = search->count;
            progress[search->count] = graph->first_reference[target];
            number_node(search, target, node);
        }
    }
}

static struct error *number_nodes(struct search *search)
{
    size_t room = (size_t)search->count + 1;
    search->object = malloc(room * sizeof(*search->object));
    search->parent = malloc(room * sizeof(*search->parent));
    uint32_t *progress = malloc(room * sizeof(*progress));
    uint32_t *stack = malloc(room * sizeof(*stack));
    bool made = search->object && search->parent && progress && stack;
    if (made)
        walk_nodes(search, progress, stack);
    free(progress);
    free(stack);
    return made ? NULL : error_no_memory();
}

static void turn_one(struct search *search, uint32_t node, object_id object, bool counting)
{
    uint32_t target = object == OBJECT_NONE ? OBJECT_NONE : search->number[object];
    if (target == OBJECT_NONE)
        return;
    if (counting)
        search->first_holder[target + 1]++;
    else
        search->holders[search->first_holder[target]++] = node;
}

/* Go through the references between nodes, to count those that lead to each node, or to note where they come from. */
static void turn_each(struct search *search, bool counting)
{
    const struct object_graph *graph = search->graph;
    for (uint32_t node = 0; node < search->count; node++) {
        object_id object = search->object[node];
        uint32_t end = graph->first_reference[object + 1];
        for (uint32_t index = graph->first_reference[object]; index < end; index++) {
            turn_one(search, node, graph->references[index].target, counting);
            turn_one(search, node, reference_key(graph->references[index]), counting);
        }
    }
}

/* The references between nodes, turned round. */
static struct error *turn_references(struct search *search)
{
    uint32_t *first = search->first_holder = calloc((size_t)search->count + 2, sizeof(*first));
    if (!first)
        return error_no_memory();
    turn_each(search, true);
    for (uint32_t node = 0; node < search->count; node++)
        first[node + 1] += first[node];
    search->holders = malloc(((size_t)first[search->count] + 1) * sizeof(*search->holders));
    if (!search->holders)
        return error_no_memory();
    turn_each(search, false);
    /* Each start has moved to the next one's. */
    memmove(first + 1, first, search->count * sizeof(*first));
    first[0] = 0;
    return NULL;
}

/* The best node on the way from `node` up to those that are not linked yet, shortening the way. */
static uint32_t best_above(struct search *search, uint32_t node, uint32_t linked_from)
{
    if (node < linked_from)
        return node;
    uint32_t depth = 0, top = node, *stack = search->object;
    while (search->ancestor[top] >= linked_from) {
        stack[depth++] = top;
        top = search->ancestor[top];
    }
    uint32_t best = search->best[top];
    while (depth) {
        uint32_t below = stack[--depth];
        if (search->semi[best] < search->semi[search->best[below]])
            search->best[below] = best;
        else
            best = search->best[below];
        search->ancestor[below] = search->ancestor[top];
    }
    return search->best[node];
}

static struct error *begin_search(struct search *search)
{
    size_t count = (size_t)search->count + 1;
    search->ancestor = malloc(count * sizeof(*search->ancestor));
    search->best = malloc(count * sizeof(*search->best));
    search->semi = malloc(count * sizeof(*search->semi));
    if (!search->ancestor || !search->best || !search->semi)
        return error_no_memory();
    memcpy(search->ancestor, search->parent, search->count * sizeof(*search->ancestor));
    for (uint32_t node = 0; node < search->count; node++)
        search->best[node] = search->semi[node] = node;
    return NULL;
}

static void find_semi_dominators(struct search *search)
{
    for (uint32_t node = search->count - 1; node > 0; node--) {
        uint32_t semi = search->parent[node];
        for (uint32_t i = search->first_holder[node]; i < search->first_holder[node + 1]; i++) {
            uint32_t candidate = search->semi[best_above(search, search->holders[i], node + 1)];
            semi = candidate < semi ? candidate : semi;
        }
        search->semi[node] = semi;
    }
}

static void find_dominators(struct search *search)
{
    for (uint32_t node = 1; node < search->count; node++)
        while (search->parent[node] > search->semi[node])
            search->parent[node] = search->parent[search->parent[node]];
}

static void release(uint32_t **array)
{
    free(*array);
    *array = NULL;
}

/* All but the results, which are the numbers, and the dominators as parents. */
static void release_work(struct search *search)
{
    release(&search->object);
    release(&search->ancestor);
    release(&search->best);
    release(&search->semi);
    release(&search->first_holder);
    release(&search->holders);
}

/* A live object that is no node is held once, so it is met once here. */
static struct error *sum_retained(struct search *search)
{
    const struct object_graph *graph = search->graph;
    uint64_t *retained = search->retained_bytes = calloc((size_t)search->count + 1, sizeof(*retained));
    if (!retained)
        return error_no_memory();
    for (object_id object = 0; object <= graph->count; object++) {
        uint32_t node = search->number[object];
        if (node == OBJECT_NONE || (node == 0 && object != graph->root))
            continue; /* no node, or not live */
        retained[node] += object == graph->root ? 0 : graph->bytes[object];
        for (uint32_t index = graph->first_reference[object]; index < graph->first_reference[object + 1]; index++) {
            object_id target = graph->references[index].target, key = reference_key(graph->references[index]);
            retained[node] += search->number[target] == OBJECT_NONE ? graph->bytes[target] : 0;
            if (key != OBJECT_NONE)
                retained[node] += search->number[key] == OBJECT_NONE ? graph->bytes[key] : 0;
        }
    }
    for (uint32_t node = search->count - 1; node > 0; node--)
        retained[search->parent[node]] += retained[node];
    return NULL;
}

struct error *dominators_find(const struct object_graph *graph, struct dominators *dominators)
{
    struct search search = {.graph = graph};
    struct error *error = choose_nodes(&search);
    if (!error)
        error = number_nodes(&search);
    if (!error)
        error = turn_references(&search);
    if (!error)
        error = begin_search(&search);
    if (!error) {
        find_semi_dominators(&search);
        find_dominators(&search);
    }
    release_work(&search);
    if (!error)
        error = sum_retained(&search);
    release(&search.parent);
    *dominators = (struct dominators){search.number, search.retained_bytes};
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
