#include "analyze/holders.h"

#include "analyze/dominators.h"
#include "analyze/large_tables.h"
#include "analyze/object_path.h"
#include "analyze/reach.h"
#include "analyze/reference_tree.h"

#include <stdlib.h>

static struct error *find_tables(const struct object_paths *paths, size_t top, struct lua_holders *holders)
{
    struct dominators dominators;
    struct error *error = dominators_find(paths->graph, paths->reach, &dominators);
    if (!error)
        error = large_tables_find(paths, &dominators, top, &holders->tables);
    dominators_free(&dominators);
    return error;
}

static void tell_sums(const struct reach *reach, struct lua_holders *holders)
{
    holders->live_objects = reach->live_objects;
    holders->live_bytes = reach->live_bytes;
    holders->garbage_objects = reach->doomed_objects;
    holders->garbage_bytes = reach->doomed_bytes;
    holders->awaited_objects = reach->awaited_objects;
    holders->awaited_bytes = reach->awaited_bytes;
}

struct error *holders_find(const struct lua_state *state, const struct holders_options *options,
    struct lua_holders *holders)
{
    struct lua_holders found = {0};
    struct reach reach;
    const struct object_paths paths = {state->graph, &reach, &state->names};
    struct error *error = reach_find(state->graph, &reach);
    if (!error) {
        tell_sums(&reach, &found);
        if (options->parts & HOLDERS_REFERENCES)
            error = reference_tree_make(&paths, &found.references, NULL);
    }
    if (!error && options->parts & HOLDERS_TABLES)
        error = find_tables(&paths, options->top, &found);
    reach_free(&reach);
    if (error)
        lua_holders_free(&found);
    else
        *holders = found;
    return error;
}
