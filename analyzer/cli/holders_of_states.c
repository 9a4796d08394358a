#include "cli/holders_of_states.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

enum { PROGRESS_FROM_OBJECTS = 2000000 };

static void say_progress(const struct lua_state *state)
{
    if (state->graph->count >= PROGRESS_FROM_OBJECTS && isatty(STDERR_FILENO))
        fprintf(stderr, "following %.1f million references of %.1f million objects ...\n",
            state->graph->reference_count / 1e6, state->graph->count / 1e6);
}

/* What was counted by way of the references must be what was counted by way of the collector's lists. */
static void check_sums(struct lua_state *state, const struct lua_holders *holders, unsigned parts)
{
    uint64_t objects = 0, bytes = 0;
    for (unsigned type = 0; type < LUA_TYPES; type++) {
        objects += state->objects[type].count;
        bytes += state->objects[type].bytes;
    }
    checks_add(&state->checks, "reachable + garbage + awaited = objects", objects,
        holders->live_objects + holders->garbage_objects + holders->awaited_objects);
    checks_add(&state->checks, "their bytes sum to the objects' bytes", bytes,
        holders->live_bytes + holders->garbage_bytes + holders->awaited_bytes);
    if (!(parts & HOLDERS_REFERENCES))
        return;
    uint64_t path_bytes = 0;
    for (size_t i = 0; i < holders->references.count; i++)
        path_bytes += holders->references.nodes[i].bytes;
    checks_add(&state->checks, "paths sum to what is reachable", holders->live_bytes, path_bytes);
}

static struct error *find_in(struct lua_state *state, const struct holders_options *options,
    struct lua_holders *holders)
{
    say_progress(state);
    struct lua_holders found;
    struct error *error = holders_find(state, options, &found);
    if (error)
        return error;
    check_sums(state, &found, options->parts);
    state->damage = checks_error(&state->checks);
    if (state->damage)
        lua_holders_free(&found);
    else
        *holders = found;
    return NULL;
}

struct error *holders_of_states(struct process *process, const struct holders_options *options,
    struct lua_holders **holders)
{
    struct lua_holders *found = calloc(process->state_count + 1, sizeof(*found));
    if (!found)
        return error_no_memory();
    struct error *error = NULL;
    double start_ms = clock_now_ms();
    for (size_t i = 0; i < process->state_count && !error; i++)
        if (!process->states[i].damage)
            error = find_in(&process->states[i], options, &found[i]);
    process->analysis_ms = clock_now_ms() - start_ms;
    if (error)
        holders_of_states_free(found, process->state_count);
    else
        *holders = found;
    return error;
}

void holders_of_states_free(struct lua_holders *holders, size_t count)
{
    for (size_t i = 0; i < count && holders; i++)
        lua_holders_free(&holders[i]);
    free(holders);
}
