#include "render/lua_json.h"

#include "render/holders_json.h"

static json_t *allocator(const struct heap *heap, bool has_residency)
{
    json_t *object = json_pack("{s:s, s:o}", "kind", heap_kind_name(heap->kind), "address",
        json_address(heap->address));
    if (heap->kind == HEAP_OTHER)
        return object;
    json_t *sizes = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "held_bytes", json_number(heap->held_bytes),
        "live_bytes", json_number(heap->live_bytes), "free_bytes", json_number(heap->free_bytes), "meta_bytes",
        json_number(heap->meta_bytes), "free_resident_bytes", json_resident(has_residency, heap->free_resident_bytes),
        "reclaimable_bytes", json_resident(has_residency, heap->reclaimable_bytes), "segments",
        json_number(heap->segments), "direct_maps", json_number(heap->direct_maps));
    json_object_update_new(object, sizes);
    json_object_set_new(object, "histogram", json_pack("{s:o, s:o, s:o}", "used", json_histogram(&heap->used), "free",
        json_histogram(&heap->free), "segments", json_histogram(&heap->segment_sizes)));
    return object;
}

static json_t *collector(const struct lua_collector *collector)
{
    return json_pack("{s:s, s:o, s:o, s:o, s:i, s:i}", "phase", collector->phase, "threshold_bytes",
        json_number(collector->threshold_bytes), "estimate_bytes", json_number(collector->estimate_bytes), "debt_bytes",
        json_number(collector->debt_bytes), "pause", (int)collector->pause, "step_multiplier",
        (int)collector->step_multiplier);
}

static json_t *objects(const struct lua_state *state)
{
    json_t *list = json_array();
    for (unsigned type = 0; type < LUA_TYPES; type++)
        json_array_append_new(list, json_pack("{s:s, s:o, s:o}", "type", lua_type_name(type), "count",
            json_number(state->objects[type].count), "bytes", json_number(state->objects[type].bytes)));
    return list;
}

static json_t *code_bytes(const struct lua_state *state)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < state->code_areas.count; i++)
        bytes += range_bytes(state->code_areas.items[i]);
    return json_number(bytes);
}

static json_t *lua_state(const struct lua_state *state, bool has_residency)
{
    json_t *object = json_pack("{s:o}", "address", json_address(state->address));
    json_object_set_new(object, "layout", state->layout ? json_string(state->layout) : json_null());
    if (state->damage) {
        json_object_set_new(object, "error", json_string(error_text(state->damage)));
        return object;
    }
    json_object_set_new(object, "gc_count_bytes", json_number(state->collector.count_bytes));
    json_object_set_new(object, "gc_state", json_string(state->collector.phase));
    json_object_set_new(object, "collector", collector(&state->collector));
    json_object_set_new(object, "allocator", allocator(&state->heap, has_residency));
    if (state->taken_over)
        json_object_set_new(object, "former_allocator", allocator(&state->former_heap, has_residency));
    json_object_set_new(object, "objects", objects(state));
    json_object_set_new(object, "strings", json_pack("{s:o, s:o, s:o}", "count",
        json_number(state->objects[LUA_TYPE_STRING].count), "bytes", json_number(state->objects[LUA_TYPE_STRING].bytes),
        "table_slots", json_number(state->string_table_slots)));
    json_object_set_new(object, "global_bytes", json_number(state->global_bytes));
    json_object_set_new(object, "code_bytes", code_bytes(state));
    json_object_set_new(object, "checks", json_checks(&state->checks));
    return object;
}

static json_t *all_checks(const struct process *process)
{
    json_t *list = json_array();
    for (size_t i = 0; i < process->state_count; i++) {
        const struct lua_state *state = &process->states[i];
        json_t *checks = state->damage ? json_array() : json_checks(&state->checks);
        size_t index;
        json_t *check;
        json_array_foreach (checks, index, check)
            json_object_set_new(check, "state", json_address(state->address));
        json_array_extend(list, checks);
        json_decref(checks);
    }
    return list;
}

json_t *json_lua(const struct lua_report *report)
{
    const struct process *process = report->process;
    json_t *document = json_document("lua");
    json_object_set_new(document, "pid", json_integer(process->pid));
    json_t *states = json_array();
    for (size_t i = 0; i < process->state_count; i++) {
        json_t *state = lua_state(&process->states[i], process->has_residency);
        if (!process->states[i].damage)
            holders_json_add(state, &report->holders[i], report->asked, report->top);
        json_array_append_new(states, state);
    }
    json_object_set_new(document, "states", states);
    json_object_set_new(document, "checks", all_checks(process));
    json_add_look(document, process);
    return document;
}
