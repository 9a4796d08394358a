#include "analyze/moment.h"

#include <stdlib.h>

#include "analyze/reference_tree.h"

static void add_to(struct amount *amount, uint64_t bytes)
{
    amount->objects++;
    amount->bytes += bytes;
}

static void add_object(struct moment *moment, const struct object_graph *graph, object_id object)
{
    uint64_t bytes = graph->bytes[object];
    add_to(&moment->types[graph->types[object]], bytes);
    add_to(&moment->sizes[histogram_bin(bytes)], bytes);
}

/* Go through all objects once: each that is live has its step. */
static void add_objects(struct moment *moment, const struct object_graph *graph, const uint32_t *steps,
    struct step_tables *tables)
{
    for (object_id object = 0; object < graph->count; object++) {
        if (steps[object] == PATH_NODE_NONE)
            continue;
        add_object(moment, graph, object);
        if (graph->types[object] != LUA_TYPE_TABLE)
            continue;
        struct step_tables *at = &tables[steps[object]];
        at->tables++;
        at->records += graph_table_records(graph, object);
        at->bytes += graph->bytes[object];
    }
}

static struct error *add_tree(const struct lua_state *state, const struct reach *reach, struct moment *moment)
{
    const struct object_paths paths = {state->graph, reach, &state->names};
    struct moment_tree *tree = &moment->trees[moment->tree_count++];
    uint32_t *steps = NULL;
    struct error *error = reference_tree_make(&paths, &tree->paths, &steps);
    if (!error && !(tree->tables = calloc(tree->paths.count, sizeof(*tree->tables))))
        error = error_no_memory();
    if (!error)
        add_objects(moment, state->graph, steps, tree->tables);
    free(steps);
    return error;
}

static void add_heap(const struct heap *heap, struct moment *moment)
{
    if (heap->kind == HEAP_OTHER)
        return;
    moment->has_heaps = true;
    moment->held_bytes += heap->held_bytes;
}

static struct error *add_state(const struct lua_state *state, struct moment *moment)
{
    struct reach reach;
    struct error *error = reach_find(state->graph, &reach);
    if (!error) {
        moment->live.objects += reach.live_objects;
        moment->live.bytes += reach.live_bytes;
        moment->garbage.objects += reach.doomed_objects + reach.awaited_objects;
        moment->garbage.bytes += reach.doomed_bytes + reach.awaited_bytes;
        error = add_tree(state, &reach, moment);
    }
    reach_free(&reach);
    moment->count_bytes += state->collector.count_bytes;
    add_heap(&state->heap, moment);
    if (state->taken_over)
        add_heap(&state->former_heap, moment);
    return error;
}

static struct error *nothing_understood(const struct process *process)
{
    const struct lua_state *damaged = process_damaged_state(process);
    if (damaged)
        return error_new(ERROR_NOT_UNDERSTOOD, "process %d: its Lua state was not understood: %s", process->pid,
            error_text(damaged->damage));
    if (process->state_count)
        return error_new(ERROR_NOT_UNDERSTOOD, "process %d: its objects were not looked at", process->pid);
    return error_new(ERROR_NOT_UNDERSTOOD,
        "process %d: no LuaJIT state of a known layout in its memory (respire doctor lists the layouts)", process->pid);
}

struct error *moment_make(const struct process *process, struct moment *moment)
{
    struct moment made = {.pid = process->pid, .has_residency = process->has_residency && process->has_map};
    struct error *error = NULL;
    if (made.has_residency)
        made.rss_bytes = process->map.rss_bytes;
    made.trees = calloc(process->state_count + 1, sizeof(*made.trees));
    if (!made.trees)
        return error_no_memory();
    for (size_t i = 0; i < process->state_count && !error; i++)
        if (process->states[i].graph && !process->states[i].damage)
            error = add_state(&process->states[i], &made);
    if (!error && made.tree_count == 0)
        error = nothing_understood(process);
    if (error)
        moment_free(&made);
    else
        *moment = made;
    return error;
}

void moment_free(struct moment *moment)
{
    for (size_t i = 0; i < moment->tree_count; i++) {
        path_tree_free(&moment->trees[i].paths);
        free(moment->trees[i].tables);
    }
    free(moment->trees);
    *moment = (struct moment){0};
}
