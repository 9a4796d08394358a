#include "render/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "render/holders_json.h"
#include "render/text.h"

json_t *json_address(address_t address)
{
    char text[24];
    snprintf(text, sizeof(text), "0x%" PRIx64, address.value);
    return json_string(text);
}

json_t *json_document(const char *name)
{
    return json_pack("{s:o}", "schema", json_sprintf("respire.%s/1", name));
}

struct error *json_print(json_t *document)
{
    if (!document)
        return error_no_memory();
    int failed = json_dumpf(document, stdout, JSON_INDENT(2));
    json_decref(document);
    if (failed || putchar('\n') == EOF || fflush(stdout))
        return error_errno(ERROR_FAILED, errno, "cannot write the JSON document to standard output");
    return NULL;
}

json_t *json_number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

json_t *json_name(const char *name)
{
    return json_string(NAME(name));
}

json_t *json_checks(const struct checks *checks)
{
    json_t *list = json_array();
    for (size_t i = 0; i < checks->count; i++) {
        const struct check *check = &checks->items[i];
        json_t *item = json_pack("{s:s, s:b, s:o, s:o}", "name", check->name, "ok", check->ok, "expected",
            json_number(check->expected), "actual", json_number(check->actual));
        if (check->tolerance)
            json_object_set_new(item, "tolerance", json_number(check->tolerance));
        json_array_append_new(list, item);
    }
    return list;
}

/* A core file has no residency: the key is there, and says so. */
static json_t *resident(bool has_residency, uint64_t bytes)
{
    return has_residency ? json_number(bytes) : json_null();
}

static json_t *histogram(const struct histogram *histogram)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < HISTOGRAM_BINS; i++) {
        const struct histogram_bin *bin = &histogram->bins[i];
        if (bin->count)
            json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o}", "low", json_number((uint64_t)1 << i), "high",
                json_number((uint64_t)1 << (i + 1)), "count", json_number(bin->count), "bytes",
                json_number(bin->bytes)));
    }
    return list;
}

static json_t *allocator(const struct heap *heap, bool has_residency)
{
    json_t *object = json_pack("{s:s, s:o}", "kind", heap_kind_name(heap->kind), "address",
        json_address(heap->address));
    if (heap->kind == HEAP_OTHER)
        return object;
    json_t *sizes = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "held_bytes", json_number(heap->held_bytes),
        "live_bytes", json_number(heap->live_bytes), "free_bytes", json_number(heap->free_bytes), "meta_bytes",
        json_number(heap->meta_bytes), "free_resident_bytes", resident(has_residency, heap->free_resident_bytes),
        "reclaimable_bytes", resident(has_residency, heap->reclaimable_bytes), "segments", json_number(heap->segments),
        "direct_maps", json_number(heap->direct_maps));
    json_object_update_new(object, sizes);
    json_object_set_new(object, "histogram", json_pack("{s:o, s:o, s:o}", "used", histogram(&heap->used), "free",
        histogram(&heap->free), "segments", histogram(&heap->segment_sizes)));
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

static void add_look(json_t *document, const struct process *process)
{
    json_t *look = json_pack("{s:b, s:f, s:i, s:o}", "stopped", process->stopped, "pause_ms", process->pause_ms,
        "attempts", (int)process->attempts, "copied_bytes", json_number(process->copied_bytes));
    json_object_set_new(look, "capture_ms", json_real(process->capture_ms));
    json_object_set_new(look, "walk_ms", json_real(process->walk_ms));
    json_object_set_new(look, "analysis_ms", json_real(process->analysis_ms));
    json_object_set_new(document, "look", look);
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
    add_look(document, process);
    return document;
}

static json_t *system_rows(const struct memory_map *map, bool known)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < SYSTEM_KINDS; i++) {
        const struct system_row *row = &map->system[i];
        json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:o, s:o}", "name", row->name, "virtual_bytes",
            json_number(row->virtual_bytes), "resident_bytes", resident(known, row->resident_bytes), "pss_bytes",
            resident(known, row->pss_bytes), "swap_bytes", resident(known, row->swap_bytes)));
    }
    return list;
}

static json_t *owners(const struct memory_map *map, bool known)
{
    json_t *list = json_array();
    for (size_t i = 0; i < map->owner_count; i++) {
        const struct owner *owner = &map->owners[i];
        json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:o, s:b}", "name", owner->name, "resident_bytes",
            resident(known, owner->resident_bytes), "virtual_bytes", json_number(owner->virtual_bytes),
            "private_resident_bytes", resident(known, owner->anonymous_bytes), "private", owner->is_private));
    }
    return list;
}

json_t *json_memory(const struct process *process)
{
    const struct memory_map *map = &process->map;
    bool known = process->has_residency;
    json_t *document = json_document("mem");
    json_object_set_new(document, "pid", json_integer(process->pid));
    json_object_set_new(document, "rss_bytes", resident(known, map->rss_bytes));
    json_object_set_new(document, "pss_bytes", resident(known, map->pss_bytes));
    json_object_set_new(document, "vsz_bytes", json_number(map->vsz_bytes));
    json_object_set_new(document, "swap_bytes", resident(known, map->swap_bytes));
    json_object_set_new(document, "system", system_rows(map, known));
    json_object_set_new(document, "owners", owners(map, known));
    json_object_set_new(document, "private_resident_bytes", resident(known, map->anonymous_bytes));
    json_object_set_new(document, "unknown_bytes", resident(known, map->unknown_bytes));
    json_object_set_new(document, "checks", json_checks(&map->checks));
    const struct lua_state *damaged = process_damaged_state(process);
    if (damaged)
        json_object_set_new(document, "not_understood", json_string(error_text(damaged->damage)));
    add_look(document, process);
    return document;
}
