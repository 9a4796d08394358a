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

static struct error *read_by(enum zone_way way, const struct zone_reading *reading, const struct nginx_zone_row *row,
    struct shared_zone *zone)
{
    return zone->kind == ZONE_LUA_DICT ? dict_contents_read(way, reading, row, zone)
                                       : tree_contents_read(way, reading, row, zone);
}

/* What the tree told is of different moments: only how high it is stays worth something. */
static struct error *read_again(const struct zone_reading *reading, const struct nginx_zone_row *row,
    const struct checks *checks, struct shared_zone *zone)
{
    const unsigned tree_height = zone->contents.tree_height;
    zone_contents_release(&zone->contents);
    zone->checks = *checks;
    struct error *error = read_by(ZONE_BY_SLABS, reading, row, zone);
    zone->contents.tree_height = tree_height;
    return error;
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
    const struct checks before = zone->checks;
    struct error *error = read_by(ZONE_BY_TREE, reading, row, zone);
    if (!slab_pool_changes(reading->image, reading->pool) || (error && error_kind(error) != ERROR_NOT_UNDERSTOOD))
        return error;
    error_free(error);
    return read_again(reading, row, &before, zone);
}
