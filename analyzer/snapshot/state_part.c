/* The section of a Lua state: everything but its graph. */
#include <stdlib.h>

#include "snapshot/parts.h"

static void collector_visit(struct codec *codec, struct lua_collector *collector, struct process *process)
{
    CODEC_NUMBER(codec, collector->count_bytes, UINT64_MAX);
    CODEC_NUMBER(codec, collector->threshold_bytes, UINT64_MAX);
    CODEC_NUMBER(codec, collector->estimate_bytes, UINT64_MAX);
    CODEC_NUMBER(codec, collector->debt_bytes, UINT64_MAX);
    CODEC_NUMBER(codec, collector->pause, UINT32_MAX);
    CODEC_NUMBER(codec, collector->step_multiplier, UINT32_MAX);
    codec_kept_text(codec, &collector->phase, &process->texts);
    if (!collector->phase)
        collector->phase = "?";
}

static void code_areas_visit(struct codec *codec, struct lua_code_areas *areas)
{
    CODEC_ITEMS(codec, areas->items, areas->count, areas->capacity, 2);
    for (size_t i = 0; i < areas->count; i++) {
        struct address_range *area = &areas->items[i];
        uint64_t bytes = range_bytes(*area);
        codec_address(codec, &area->start);
        CODEC_NUMBER(codec, bytes, UINT64_MAX);
        area->end = address_add(area->start, bytes);
    }
}

/* What follows in sections of its own is told here, so that a reader knows what to miss. */
static void graph_announce(struct codec *codec, struct lua_state *state)
{
    bool has_graph = state->graph != NULL;
    codec_flag(codec, &has_graph);
    if (codec->writing || !has_graph || codec->error)
        return;
    state->graph = calloc(1, sizeof(*state->graph));
    if (!state->graph)
        codec->error = error_no_memory();
}

void state_part_visit(struct codec *codec, struct snapshot_subject *subject)
{
    struct lua_state *state = subject->state;
    codec_address(codec, &state->address);
    codec_kept_text(codec, &state->layout, &subject->process->texts);
    collector_visit(codec, &state->collector, subject->process);
    for (unsigned type = 0; type < LUA_TYPES; type++) {
        CODEC_NUMBER(codec, state->objects[type].count, UINT64_MAX);
        CODEC_NUMBER(codec, state->objects[type].bytes, UINT64_MAX);
    }
    CODEC_NUMBER(codec, state->global_bytes, UINT64_MAX);
    CODEC_NUMBER(codec, state->string_table_slots, UINT64_MAX);
    heap_visit(codec, &state->heap);
    codec_flag(codec, &state->taken_over);
    heap_visit(codec, &state->former_heap);
    code_areas_visit(codec, &state->code_areas);
    checks_visit(codec, &state->checks, subject->process);
    damage_visit(codec, &state->damage, subject->process);
    graph_announce(codec, state);
}
