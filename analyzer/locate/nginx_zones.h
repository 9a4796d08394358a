/*
 * nginx's shared memory zones: which shared anonymous mapping is which zone, by name. A mapping's address and size
 * stand side by side in the worker's own memory, with the zone's name behind them.
 */
#ifndef RESPIRE_LOCATE_NGINX_ZONES_H
#define RESPIRE_LOCATE_NGINX_ZONES_H

#include "target/capture.h"

enum { NGINX_ZONE_NAME_MAX = 64 };

struct nginx_zone {
    struct address_range range; /* the mapping */
    char name[NGINX_ZONE_NAME_MAX];
};

struct nginx_zones {
    struct nginx_zone *items; /* address order */
    size_t count, capacity;
};

/* One zone for every shared anonymous mapping whose description is found; others are left out. */
struct error *locate_nginx_zones(const struct capture *capture, struct nginx_zones *zones);

void nginx_zones_free(struct nginx_zones *zones);

const struct nginx_zone *nginx_zones_find(const struct nginx_zones *zones, address_t at);

#endif
