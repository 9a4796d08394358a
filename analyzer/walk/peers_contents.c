/* The inside of upstream zones: groups of servers, one behind the other, each with a group of backup servers maybe. */
#include "target/memory_view.h"
#include "walk/zone_walk.h"

enum { GROUPS_MAX = 4096, SERVER_BYTES_MIN = 64 };

/* A slab of any size, of which at least `bytes` bytes are in memory. */
static bool is_in_zone(const struct zone_reading *reading, address_t at, uint64_t bytes)
{
    return slab_pool_page(reading->pool, at) < reading->pool->page_count && shared_bytes(reading->image, at, bytes);
}

/* As many servers as the zone has room for, at most. */
static bool has_room(const struct zone_reading *reading, uint64_t servers)
{
    return servers <= (reading->pool->page_count << reading->pool->page_shift) / SERVER_BYTES_MIN;
}

/* The group at `at`, when it is one by this row; NULL otherwise. */
static const unsigned char *group_by(const struct zone_reading *reading, const struct nginx_peers_row *row,
    address_t at)
{
    const unsigned char *group = shared_bytes(reading->image, at, row->bytes);
    if (!group || !slab_pool_holds(reading->pool, at, row->bytes)
        || field_u64(group, row->pool) != reading->image->range.start.value)
        return NULL;
    const address_t name = address(field_u64(group, row->name)), first = address(field_u64(group, row->first));
    const void *string = slab_pool_holds(reading->pool, name, NGINX_STRING_BYTES)
        ? shared_bytes(reading->image, name, NGINX_STRING_BYTES) : NULL;
    const uint64_t number = field_u64(group, row->number);
    bool has_name = string
        && is_in_zone(reading, address(field_u64(string, NGINX_STRING_TEXT)), field_u64(string, NGINX_STRING_LENGTH));
    bool has_servers = number ? has_room(reading, number) && is_in_zone(reading, first, SERVER_BYTES_MIN)
                              : address_is_null(first);
    return has_name && has_servers ? group : NULL;
}

static const struct nginx_peers_row *row_of(const struct zone_reading *reading)
{
    for (unsigned i = 0; i < nginx_peers_row_count; i++)
        if (group_by(reading, &nginx_peers_rows[i], reading->pool->data))
            return &nginx_peers_rows[i];
    return NULL;
}

struct error *peers_contents_read(const struct zone_reading *reading, struct shared_zone *zone)
{
    struct zone_contents *contents = &zone->contents;
    const struct nginx_peers_row *row = row_of(reading);
    address_t at = reading->pool->data;
    if (!row || !zone_is_laid_out(reading, NGINX_PEERS_TEXT, row->bytes))
        return NULL;
    for (unsigned i = 0; i < GROUPS_MAX && !address_is_null(at); i++) {
        const unsigned char *group = group_by(reading, row, at);
        address_t backup = group ? address(field_u64(group, row->backup)) : ADDRESS_NONE;
        const unsigned char *backups = group && !address_is_null(backup) ? group_by(reading, row, backup) : NULL;
        if (!group || (!backups && !address_is_null(backup)))
            return error_new(ERROR_NOT_UNDERSTOOD, "a group of servers leads to none");
        contents->entries += field_u64(group, row->number) + (backups ? field_u64(backups, row->number) : 0);
        at = address(field_u64(group, row->next_group));
    }
    contents->is_known = address_is_null(at);
    return NULL;
}
