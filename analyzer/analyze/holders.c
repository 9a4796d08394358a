#include "analyze/holders.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/dominators.h"
#include "analyze/large_tables.h"
#include "analyze/object_groups.h"
#include "analyze/object_path.h"
#include "analyze/pins.h"
#include "analyze/reach.h"
#include "analyze/reference_tree.h"

static void tell_sums(const struct reach *reach, struct lua_holders *holders)
{
    holders->live_objects = reach->live_objects;
    holders->live_bytes = reach->live_bytes;
    holders->garbage_objects = reach->doomed_objects;
    holders->garbage_bytes = reach->doomed_bytes;
    holders->awaited_objects = reach->awaited_objects;
    holders->awaited_bytes = reach->awaited_bytes;
}

/* The first rows, as many as wanted, and one of the others. */
static struct error *copy_rows(const struct group_rows *from, size_t top, struct group_rows *to)
{
    struct group_row *rows = calloc(from->count + 1, sizeof(*rows));
    if (!rows)
        return error_no_memory();
    *to = (struct group_rows){.items = rows, .capacity = from->count + 1};
    for (size_t i = 0; i < from->count; i++) {
        rows[i] = from->items[i];
        if (!(rows[i].name = strdup(from->items[i].name)))
            return error_no_memory();
        to->count++;
    }
    return group_rows_finish(to, top);
}

static struct error *find_strings(const struct lua_strings *strings, size_t top, struct lua_holders *holders)
{
    struct error *error = copy_rows(&strings->patterns, top, &holders->string_patterns);
    return error ? error : copy_rows(&strings->sizes, SIZE_MAX, &holders->string_sizes);
}

/* What is live by path; and what that is needed for. */
static struct error *find_references(const struct object_paths *paths, const struct lua_state *state,
    const struct holders_options *options, struct lua_holders *holders)
{
    uint32_t *steps = NULL;
    struct error *error = reference_tree_make(paths, &holders->references, &steps);
    if (!error && options->parts & HOLDERS_PINS)
        error = pins_find(paths, &state->sparse_pages, &holders->references, steps, options->top, &holders->pins);
    free(steps);
    return error;
}

static struct error *find_parts(const struct object_paths *paths, const struct lua_state *state,
    const struct dominators *dominators, const struct holders_options *options, struct lua_holders *holders)
{
    struct error *error = NULL;
    if (options->parts & (HOLDERS_REFERENCES | HOLDERS_PINS))
        error = find_references(paths, state, options, holders);
    if (!error && options->parts & HOLDERS_TABLES)
        error = large_tables_find(paths, dominators, options->top, &holders->tables);
    if (!error && options->parts & HOLDERS_GROUPS)
        error = object_groups_find(paths, options->top, holders);
    if (!error && options->parts & HOLDERS_GARBAGE)
        error = object_groups_find_garbage(paths, options->top, holders);
    if (!error && options->parts & HOLDERS_STRINGS)
        error = find_strings(&state->strings, options->top, holders);
    return error;
}

struct error *holders_find(const struct lua_state *state, const struct holders_options *options,
    struct lua_holders *holders)
{
    struct lua_holders found = {0};
    struct dominators dominators = {0};
    struct reach reach = {0};
    const struct object_paths paths = {state->graph, &reach, &state->names};
    /* First what takes most memory on its way. */
    struct error *error = options->parts & HOLDERS_TABLES ? dominators_find(state->graph, &dominators) : NULL;
    if (!error)
        error = reach_find(state->graph, &reach);
    if (!error) {
        tell_sums(&reach, &found);
        error = find_parts(&paths, state, &dominators, options, &found);
    }
    reach_free(&reach);
    dominators_free(&dominators);
    if (error)
        lua_holders_free(&found);
    else
        *holders = found;
    return error;
}
