/*
 * A map from three numbers to one: open addressing, grown at half full. Looked up once for each object of a heap. The
 * steps of a tree of paths are found in it by their names.
 */
#ifndef RESPIRE_ANALYZE_STEP_MAP_H
#define RESPIRE_ANALYZE_STEP_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/path_tree.h"

struct step_key {
    uint32_t parent, label, extra;
};

struct step_map {
    struct step_slot {
        struct step_key key;
        uint32_t value;
    } *slots;
    size_t capacity; /* a power of two; 0 before the first entry */
    size_t count;
};

#define STEP_MAP_NONE UINT32_MAX

enum { STEP_MAP_FIRST_CAPACITY = 1024 };

static inline size_t step_map_place(const struct step_map *map, struct step_key key)
{
    uint64_t hash = key.parent * 0x9e3779b97f4a7c15u ^ (key.label + ((uint64_t)key.extra << 32)) * 0xc2b2ae3d27d4eb4fu;
    size_t at = (hash ^ hash >> 29) & (map->capacity - 1);
    for (;; at = (at + 1) & (map->capacity - 1)) {
        const struct step_slot *slot = &map->slots[at];
        bool same = slot->key.parent == key.parent && slot->key.label == key.label && slot->key.extra == key.extra;
        if (slot->value == STEP_MAP_NONE || same)
            return at;
    }
}

/* The value of the key, or STEP_MAP_NONE. */
static inline uint32_t step_map_get(const struct step_map *map, struct step_key key)
{
    return map->capacity ? map->slots[step_map_place(map, key)].value : STEP_MAP_NONE;
}

static inline bool step_map_grow(struct step_map *map)
{
    struct step_map grown = {.capacity = map->capacity ? map->capacity * 2 : STEP_MAP_FIRST_CAPACITY};
    grown.slots = malloc(grown.capacity * sizeof(*grown.slots));
    if (!grown.slots)
        return false;
    for (size_t i = 0; i < grown.capacity; i++)
        grown.slots[i].value = STEP_MAP_NONE;
    for (size_t i = 0; i < map->capacity; i++)
        if (map->slots[i].value != STEP_MAP_NONE)
            grown.slots[step_map_place(&grown, map->slots[i].key)] = map->slots[i];
    grown.count = map->count;
    free(map->slots);
    *map = grown;
    return true;
}

/* Add a key that is not there yet. False: no memory. */
static inline bool step_map_add(struct step_map *map, struct step_key key, uint32_t value)
{
    if (map->count * 2 >= map->capacity && !step_map_grow(map))
        return false;
    map->slots[step_map_place(map, key)] = (struct step_slot){key, value};
    map->count++;
    return true;
}

#define STEP_LABEL_NAME UINT32_MAX /* of keys whose extra is made from a name */

/* The step of that name below `parent`, or STEP_MAP_NONE; then it belongs under `key`. */
static inline uint32_t step_map_find_name(const struct step_map *map, const struct path_tree *tree, uint32_t parent,
    const char *name, struct step_key *key)
{
    uint32_t hash = 2166136261u, step; /* FNV-1a */
    for (const char *c = name; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619u;
    *key = (struct step_key){parent, STEP_LABEL_NAME, hash};
    while ((step = step_map_get(map, *key)) != STEP_MAP_NONE && strcmp(path_tree_name(tree, step), name) != 0)
        key->extra++;
    return step;
}

#endif
