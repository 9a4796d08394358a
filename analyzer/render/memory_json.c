#include "render/memory_json.h"

#include "render/json.h"

static json_t *system_rows(const struct memory_map *map, bool known)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < SYSTEM_KINDS; i++) {
        const struct system_row *row = &map->system[i];
        json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:o, s:o}", "name", row->name, "virtual_bytes",
            json_number(row->virtual_bytes), "resident_bytes", json_resident(known, row->resident_bytes), "pss_bytes",
            json_resident(known, row->pss_bytes), "swap_bytes", json_resident(known, row->swap_bytes)));
    }
    return list;
}

static json_t *owners(const struct memory_map *map, bool known)
{
    json_t *list = json_array();
    for (size_t i = 0; i < map->owner_count; i++) {
        const struct owner *owner = &map->owners[i];
        json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:o, s:b}", "name", owner->name, "resident_bytes",
            json_resident(known, owner->resident_bytes), "virtual_bytes", json_number(owner->virtual_bytes),
            "private_resident_bytes", json_resident(known, owner->anonymous_bytes), "private", owner->is_private));
    }
    return list;
}

json_t *json_memory(const struct process *process)
{
    const struct memory_map *map = &process->map;
    bool known = process->has_residency;
    json_t *document = json_document("mem");
    json_object_set_new(document, "pid", json_integer(process->pid));
    json_object_set_new(document, "rss_bytes", json_resident(known, map->rss_bytes));
    json_object_set_new(document, "pss_bytes", json_resident(known, map->pss_bytes));
    json_object_set_new(document, "vsz_bytes", json_number(map->vsz_bytes));
    json_object_set_new(document, "swap_bytes", json_resident(known, map->swap_bytes));
    json_object_set_new(document, "system", system_rows(map, known));
    json_object_set_new(document, "owners", owners(map, known));
    json_object_set_new(document, "private_resident_bytes", json_resident(known, map->anonymous_bytes));
    json_object_set_new(document, "unknown_bytes", json_resident(known, map->unknown_bytes));
    json_object_set_new(document, "checks", json_checks(&map->checks));
    const struct lua_state *damaged = process_damaged_state(process);
    if (damaged)
        json_object_set_new(document, "not_understood", json_string(error_text(damaged->damage)));
    if (process->has_malloc && process->malloc.damage)
        json_object_set_new(document, "malloc_not_understood", json_string(error_text(process->malloc.damage)));
    if (process->has_pools && process->pools.damage)
        json_object_set_new(document, "pools_not_understood", json_string(error_text(process->pools.damage)));
    json_add_look(document, process);
    return document;
}
