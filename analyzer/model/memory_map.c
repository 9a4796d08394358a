#include "model/memory_map.h"

#include <stdlib.h>

void memory_map_release(struct memory_map *map)
{
    free(map->owners);
    *map = (struct memory_map){0};
}
