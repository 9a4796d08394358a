#include "walk/lua_state.h"

#include <stdlib.h>

#include "layouts/lua_value.h"
#include "target/memory_room.h"
#include "target/memory_view.h"
#include "walk/lua_code_areas.h"
#include "walk/lua_graph.h"
#include "walk/lua_heaps.h"
#include "walk/lua_names.h"
#include "walk/lua_objects.h"
#include "walk/lua_sparse_pages.h"
#include "walk/lua_strings.h"

/* With what its analysis takes for a while; 51 were measured where an object refers to 1.8 others. */
enum { GRAPH_BYTES_PER_OBJECT = 64 };

static const char *collector_phase(uint8_t state)
{
    static const char *const phases[] = {"pause", "propagate", "atomic", "sweepstring", "sweep", "finalize"};
    return state < sizeof(phases) / sizeof(phases[0]) ? phases[state] : "unknown";
}

static bool read_collector(const struct capture *capture, const struct lua_site *site, struct lua_state *state)
{
    struct memory_view view = view_of(capture);
    const struct lua_layout *layout = site->layout;
    const unsigned char *global = view_bytes(&view, address_add(site->thread, layout->global.offset),
        layout->global.bytes);
    if (!global)
        return false;
    const unsigned char *gc = global + layout->global.gc;
    state->collector = (struct lua_collector){
        .count_bytes = lua_size(layout->objects, gc, layout->gc.total),
        .threshold_bytes = lua_size(layout->objects, gc, layout->gc.threshold),
        .estimate_bytes = lua_size(layout->objects, gc, layout->gc.estimate),
        .debt_bytes = lua_size(layout->objects, gc, layout->gc.debt),
        .pause = field_u32(gc, layout->gc.pause),
        .step_multiplier = field_u32(gc, layout->gc.step_multiplier),
        .phase = collector_phase(field_u8(gc, layout->gc.state)),
    };
    state->heap.address = address(field_u64(global, layout->global.allocd));
    return true;
}

/* Objects may lie wherever memory was copied: whose allocator it is, is not asked. */
static struct error *begin_graph(const struct capture *capture, struct lua_state *state)
{
    state->graph = calloc(1, sizeof(*state->graph));
    struct address_range *ranges = calloc(capture->piece_count + 1, sizeof(*ranges));
    struct error *error = state->graph && ranges ? NULL : error_no_memory();
    for (size_t i = 0; i < capture->piece_count && !error; i++)
        ranges[i] = capture->pieces[i].range;
    if (!error)
        error = object_index_make(ranges, capture->piece_count, &state->graph->index);
    free(ranges);
    return error;
}

static struct error *build_graph(const struct capture *capture, const struct lua_site *site,
    const struct lua_wants *wants, struct lua_state *state)
{
    object_index_seal(&state->graph->index);
    struct error *error = memory_room_ask((uint64_t)state->graph->index.count * GRAPH_BYTES_PER_OBJECT,
        "following the references of its Lua objects");
    if (!error)
        error = lua_graph_build(capture, site, state, state->graph);
    if (!error)
        error = lua_names_make(capture, site, state->graph, &state->names);
    if (!error && wants->strings)
        error = lua_strings_group(capture, site, state->graph, wants->string_contents, &state->strings);
    if (!error && wants->sparse_pages)
        error = lua_sparse_pages_find(capture, site, state, &state->sparse_pages);
    return error;
}

static struct error *walk_parts(const struct capture *capture, const struct lua_site *site,
    const struct lua_wants *wants, struct lua_heaps_walk *walk, struct lua_state *state)
{
    if (!read_collector(capture, site, state))
        return error_new(ERROR_NOT_UNDERSTOOD, "its global state is not in memory");
    struct error *error = lua_heaps_walk(walk, capture, state);
    if (!error)
        error = lua_objects_walk(capture, site, lua_heaps_visitor(walk), walk,
            state->graph ? &state->graph->index : NULL, state);
    if (!error)
        error = lua_code_areas_walk(capture, site, state);
    if (!error)
        lua_heaps_finish(walk, capture);
    if (!error && state->graph && !checks_first_failed(&state->checks))
        error = build_graph(capture, site, wants, state);
    return error;
}

struct error *lua_state_walk(const struct capture *capture, const struct lua_site *site,
    const struct lua_wants *wants, struct lua_state *state)
{
    *state = (struct lua_state){.address = site->thread};
    state->layout_claims = site->layout ? LUA_LAYOUT_CLAIMS : site->failed;
    if (!site->layout) {
        state->damage = error_new(ERROR_NOT_UNDERSTOOD, "unknown layout: nearest is %s, which fails its check \"%s\"",
            site->nearest->name, lua_layout_claim_name(site->failed));
        return NULL;
    }
    state->layout = site->layout->name;
    struct lua_heaps_walk walk = {0};
    struct error *error = wants->graph ? begin_graph(capture, state) : NULL;
    if (!error)
        error = walk_parts(capture, site, wants, &walk, state);
    lua_heaps_walk_release(&walk);
    if (!error)
        error = checks_error(&state->checks);
    if (error && error_kind(error) == ERROR_FAILED)
        return error;
    state->damage = error;
    return error && wants->heap_location ? lua_heaps_locate(capture, state) : NULL;
}
