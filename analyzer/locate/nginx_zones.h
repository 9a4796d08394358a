/*
 * nginx's shared memory zones: which shared anonymous mapping is which zone, whose, by the list in the cycle in force.
 * Only a few pages of the target are read, and it is not stopped: the list stays as it is from configuring on.
 */
#ifndef RESPIRE_LOCATE_NGINX_ZONES_H
#define RESPIRE_LOCATE_NGINX_ZONES_H

#include "locate/nginx_modules.h"
#include "target/target.h"

enum { NGINX_ZONE_NAME_MAX = 256 };

struct nginx_zone {
    struct address_range range;         /* the mapping: whole pages */
    uint64_t size_bytes;                /* as configured */
    char name[NGINX_ZONE_NAME_MAX];
    char module[NGINX_MODULE_NAME_MAX]; /* by the zone's tag: "ngx_http_lua_module"; "": not known */
    bool has_slabs;                     /* false: nginx's own counters and mutexes, which are in no list */
};

struct nginx_zones {
    struct nginx_zone *items; /* address order */
    size_t count, capacity;
    bool is_nginx;            /* a cycle of a known layout was found */
};

/*
 * One zone for each of the list, and one for nginx's counters; other shared mappings
 * are left out. None, without an error, when this is no nginx of a known layout.
 */
struct error *locate_nginx_zones(struct target *target, struct nginx_zones *zones);

void nginx_zones_free(struct nginx_zones *zones);

const struct nginx_zone *nginx_zones_find(const struct nginx_zones *zones, address_t at);

#endif
