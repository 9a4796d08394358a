#include "walk/zone_contents.h"

#include "walk/zone_walk.h"

struct error *zone_contents_read(const struct zone_reading *reading, struct shared_zone *zone)
{
    zone->contents = (struct zone_contents){0};
    switch (zone->kind) {
    case ZONE_LUA_DICT: return dict_contents_read(reading, zone);
    default: return NULL;
    }
}
