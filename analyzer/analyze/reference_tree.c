/*
 * Owns the choice of an object's step: which differences between references count, and which steps fold. Names are
 * asked for once a step, not once an object.
 */
#include "analyze/reference_tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/step_map.h"
#include "base/array.h"

enum {
    RECURSION_STEPS = 4,      /* how far up a step like the new one is looked for */
    NAMED_THREADS_MAX = 256,  /* locals of more coroutines than this are not told apart */
};

static const char keys_name[] = "(keys)";

/* How a step was come to, and the first object there. */
struct step {
    uint32_t label, extra;
    object_id object;
    uint32_t depth;
};

struct build {
    const struct object_paths *paths;
    struct path_tree *tree;
    ARRAY(struct step) steps;  /* beside the tree's nodes */
    struct step_map map;       /* by label, and by name */
    uint32_t *step_of;         /* by object */
    bool names_threads;
    struct error *error;
};

static bool is_map(const struct build *build, object_id table)
{
    const struct object_graph *graph = build->paths->graph;
    if (graph_table_records(graph, table) <= REFERENCE_TREE_NAMED_KEYS_MAX)
        return false;
    enum reference_kind held_by = reference_kind(graph->references[build->paths->reach->via[table]].label);
    return held_by != ROOT_GLOBALS && held_by != ROOT_LOADED;
}

/* What of a reference tells it from others of the same holder's kind. */
static uint32_t fold_label(const struct build *build, object_id holder, uint32_t label)
{
    switch (reference_kind(label)) {
    case REFERENCE_FIELD:
        return is_map(build, holder) ? reference_label(REFERENCE_ITEM, REFERENCE_PAYLOAD_NONE) : label;
    case REFERENCE_ITEM:
    case REFERENCE_ENTRY:
    case REFERENCE_OTHER_ENTRY:
        return reference_label(REFERENCE_ITEM, REFERENCE_PAYLOAD_NONE);
    case REFERENCE_SLOT:
        return build->names_threads ? label : reference_label(REFERENCE_SLOT, REFERENCE_PAYLOAD_NONE);
    case REFERENCE_UPVALUE:
    case ROOT_METATABLE:
        return label;
    default:
        return reference_label(reference_kind(label), 0);
    }
}

/* What else tells steps apart: whose upvalue it is, which code a function runs. */
static uint32_t extra_of(const struct build *build, object_id holder, uint32_t label, object_id target)
{
    const struct object_graph *graph = build->paths->graph;
    enum reference_kind kind = reference_kind(label);
    if (graph->types[target] == LUA_TYPE_FUNCTION)
        return graph_referred(graph, target, REFERENCE_PROTO);
    if (graph->types[target] == LUA_TYPE_PROTO || graph->types[target] == LUA_TYPE_THREAD)
        return target;
    if (kind == REFERENCE_UPVALUE)
        return graph_referred(graph, holder, REFERENCE_PROTO);
    return kind == REFERENCE_SLOT && build->names_threads ? holder : OBJECT_NONE;
}

/* A folded step tells of a Lua function or coroutine at least where its code is; C functions are folded together. */
static void name_folded(const struct build *build, object_id target, const char *step, char name[OBJECT_PATH_BYTES])
{
    const struct object_paths *paths = build->paths;
    enum lua_type type = paths->graph->types[target];
    bool has_place = type == LUA_TYPE_THREAD
        || (type == LUA_TYPE_FUNCTION && paths->graph->details[target] == DETAIL_FUNCTION_LUA);
    char place[OBJECT_NAME_BYTES];
    bool placed = has_place && object_name(paths->names, NAME_PLACE, target, 0, place);
    if (placed && type == LUA_TYPE_THREAD)
        snprintf(name, OBJECT_PATH_BYTES, "%s coroutine at %s", step, place);
    else if (placed)
        snprintf(name, OBJECT_PATH_BYTES, "%s (%s)", step, place);
    else
        snprintf(name, OBJECT_PATH_BYTES, "%s", step);
}

static void name_step(const struct build *build, uint32_t reference, uint32_t folded, char name[OBJECT_PATH_BYTES])
{
    object_id target = build->paths->graph->references[reference].target;
    if (folded == reference_label(REFERENCE_ITEM, REFERENCE_PAYLOAD_NONE))
        name_folded(build, target, "[*]", name);
    else if (folded == reference_label(REFERENCE_SLOT, REFERENCE_PAYLOAD_NONE))
        name_folded(build, target, "(stack)", name);
    else if (folded == reference_label(REFERENCE_KEY, 0))
        snprintf(name, OBJECT_PATH_BYTES, "%s", keys_name);
    else
        object_path_step(build->paths, reference, name);
}

/* A new step below `parent`, or the one there that has this name. */
static uint32_t named_step(struct build *build, uint32_t parent, struct step step, const char *name)
{
    struct step_key key;
    uint32_t node = step_map_find_name(&build->map, build->tree, parent, name, &key);
    if (node != STEP_MAP_NONE)
        return node;
    if (build->tree->count >= REFERENCE_TREE_NODES_MAX)
        return parent;
    build->error = path_tree_add(build->tree, parent, name, &node);
    if (build->error)
        return parent;
    struct step *added = ARRAY_ADD(&build->steps);
    if (!added || !step_map_add(&build->map, key, node)) {
        build->error = error_no_memory();
        return parent;
    }
    *added = step;
    return node;
}

/* Two tables of one make: what contains its like refers to it by the same name. */
static bool are_alike(const struct object_graph *graph, object_id a, object_id b)
{
    return graph->types[a] == graph->types[b] && graph->flags[a] == graph->flags[b];
}

/* The step further up where the same name leads to the same make of object, or PATH_NODE_NONE. */
static uint32_t find_recursion(const struct build *build, uint32_t parent, struct step step)
{
    if (reference_kind(step.label) != REFERENCE_FIELD && reference_kind(step.label) != REFERENCE_UPVALUE)
        return PATH_NODE_NONE;
    uint32_t node = parent;
    for (unsigned i = 0; i < RECURSION_STEPS && node != PATH_NODE_NONE; i++) {
        const struct step *above = &build->steps.items[node];
        if (above->label == step.label && above->extra == step.extra
            && are_alike(build->paths->graph, above->object, step.object))
            return node;
        node = build->tree->nodes[node].parent;
    }
    return PATH_NODE_NONE;
}

static uint32_t choose_step(struct build *build, uint32_t parent, object_id holder, uint32_t reference)
{
    const struct reference taken = build->paths->graph->references[reference];
    uint32_t depth = build->steps.items[parent].depth;
    if (reference_kind(taken.label) == REFERENCE_VALUE || depth == PATH_TREE_DEPTH_MAX)
        return parent;
    uint32_t folded = fold_label(build, holder, taken.label);
    struct step_key key = {parent, folded, extra_of(build, holder, taken.label, taken.target)};
    uint32_t node = step_map_get(&build->map, key);
    if (node != STEP_MAP_NONE)
        return node;
    struct step step = {folded, key.extra, taken.target, depth + 1};
    node = find_recursion(build, parent, step);
    if (node == PATH_NODE_NONE) {
        char name[OBJECT_PATH_BYTES];
        name_step(build, reference, folded, name);
        node = named_step(build, parent, step, name);
    }
    if (!build->error && !step_map_add(&build->map, key, node))
        build->error = error_no_memory();
    return node;
}

/* The one step of all keys that are held with their values. */
static uint32_t key_step(struct build *build, uint32_t parent, object_id key)
{
    struct step step = {reference_label(REFERENCE_KEY, 0), OBJECT_NONE, key, build->steps.items[parent].depth + 1};
    struct step_key at = {parent, step.label, step.extra};
    uint32_t node = step_map_get(&build->map, at);
    if (node != STEP_MAP_NONE || build->steps.items[parent].depth == PATH_TREE_DEPTH_MAX)
        return node == STEP_MAP_NONE ? parent : node;
    node = named_step(build, parent, step, keys_name);
    if (!build->error && !step_map_add(&build->map, at, node))
        build->error = error_no_memory();
    return node;
}

static void place(struct build *build, object_id object, uint32_t step)
{
    build->step_of[object] = step;
    build->tree->nodes[step].objects++;
    build->tree->nodes[step].bytes += build->paths->graph->bytes[object];
}

static void place_children(struct build *build, object_id holder, uint32_t parent)
{
    const struct object_graph *graph = build->paths->graph;
    const uint32_t *via = build->paths->reach->via;
    uint32_t end = graph->first_reference[holder + 1];
    for (uint32_t index = graph->first_reference[holder]; index < end && !build->error; index++) {
        struct reference reference = graph->references[index];
        object_id key = reference_key(reference);
        if (via[reference.target] == index)
            place(build, reference.target, choose_step(build, parent, holder, index));
        if (key != OBJECT_NONE && via[key] == index)
            place(build, key, key_step(build, parent, key));
    }
}

static bool names_threads(const struct object_graph *graph)
{
    unsigned threads = 0;
    for (object_id object = 0; object < graph->count && threads <= NAMED_THREADS_MAX; object++)
        threads += graph->types[object] == LUA_TYPE_THREAD;
    return threads <= NAMED_THREADS_MAX;
}

static struct error *begin(struct build *build)
{
    const struct object_graph *graph = build->paths->graph;
    size_t count = (size_t)graph->count + 1;
    build->step_of = malloc(count * sizeof(*build->step_of));
    if (!build->step_of)
        return error_no_memory();
    memset(build->step_of, 0xff, count * sizeof(*build->step_of));
    build->names_threads = names_threads(graph);
    struct error *error = path_tree_begin(build->tree, "all");
    if (error)
        return error;
    struct step *root = ARRAY_ADD(&build->steps);
    if (!root)
        return error_no_memory();
    *root = (struct step){.label = STEP_LABEL_NAME, .extra = OBJECT_NONE, .object = graph->root};
    return NULL;
}

struct error *reference_tree_make(const struct object_paths *paths, struct path_tree *tree, uint32_t **steps)
{
    struct build build = {.paths = paths, .tree = tree};
    build.error = begin(&build);
    if (!build.error)
        place_children(&build, paths->graph->root, 0);
    for (uint64_t i = 0; i < paths->reach->live_objects && !build.error; i++) {
        object_id object = paths->reach->order[i];
        place_children(&build, object, build.step_of[object]);
    }
    if (!build.error)
        path_tree_sum(tree);
    free(build.map.slots);
    ARRAY_FREE(&build.steps);
    if (steps && !build.error)
        *steps = build.step_of;
    else
        free(build.step_of);
    return build.error;
}
