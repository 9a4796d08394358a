#include "walk/zone_contents.h"

#include "walk/zone_walk.h"

static const struct nginx_zone_rows *rows_of(enum zone_kind kind)
{
    switch (kind) {
    case ZONE_LUA_DICT: return &nginx_dict_rows;
    case ZONE_LIMIT_REQ: return &nginx_limit_req_rows;
    case ZONE_LIMIT_CONN: return &nginx_limit_conn_rows;
    case ZONE_CACHE: return &nginx_cache_rows;
    case ZONE_SSL_SESSIONS: return &nginx_ssl_session_rows;
    default: return NULL;
    }
}

struct error *zone_contents_read(const struct zone_reading *reading, struct shared_zone *zone)
{
    zone->contents = (struct zone_contents){0};
    if (zone->kind == ZONE_UPSTREAM)
        return peers_contents_read(reading, zone);
    const struct nginx_zone_rows *rows = rows_of(zone->kind);
    const struct nginx_zone_row *row = rows ? zone_row_of(reading, rows) : NULL;
    if (!row)
        return NULL;
    return zone->kind == ZONE_LUA_DICT ? dict_contents_read(reading, row, zone)
                                       : tree_contents_read(reading, row, zone);
}
