#include "locate/nginx_zones.h"

#include <ctype.h>
#include <string.h>

#include "base/array.h"
#include "base/range_search.h"
#include "base/size.h"
#include "layouts/nginx_shared_zone.h"
#include "target/memory_view.h"

static bool is_shared_anonymous(const struct mapping *mapping)
{
    return mapping->shared && mapping->path && strcmp(mapping->path, "/dev/zero") == 0;
}

static bool is_name(const char *text, uint64_t length)
{
    for (uint64_t i = 0; i < length; i++)
        if (!isgraph((unsigned char)text[i]))
            return false;
    return length > 0;
}

/* If `bytes` describe the shared mapping that starts at their first word, copy its name. */
static bool read_zone(struct memory_view *view, const unsigned char *bytes, struct nginx_zone *zone)
{
    address_t start = address(field_u64(bytes, NGINX_SHM_ADDRESS));
    const struct mapping *mapping = mappings_find(&view->capture->mappings, start);
    if (!mapping || !is_shared_anonymous(mapping) || !address_equal(mapping->range.start, start)
        || round_up(field_u64(bytes, NGINX_SHM_SIZE), view->capture->page_bytes) != range_bytes(mapping->range))
        return false;
    uint64_t length = field_u64(bytes, NGINX_SHM_NAME_LENGTH);
    if (length >= NGINX_ZONE_NAME_MAX)
        return false;
    const char *name = view_bytes(view, address(field_u64(bytes, NGINX_SHM_NAME)), length);
    if (!name || !is_name(name, length))
        return false;
    *zone = (struct nginx_zone){.range = mapping->range};
    memcpy(zone->name, name, length);
    return true;
}

static struct error *add_zone(struct nginx_zones *zones, const struct nginx_zone *zone)
{
    if (nginx_zones_find(zones, zone->range.start))
        return NULL;
    struct nginx_zone *added = ARRAY_ADD(zones);
    if (!added)
        return error_no_memory();
    *added = *zone;
    return NULL;
}

/* The span of addresses in which all shared anonymous mappings lie: what is outside can't be one's start. */
static struct address_range shared_span(const struct mappings *mappings)
{
    struct address_range span = {ADDRESS_NONE, address(0)};
    for (size_t i = 0; i < mappings->count; i++) {
        const struct mapping *mapping = &mappings->items[i];
        if (!is_shared_anonymous(mapping))
            continue;
        span.start.value = size_min(span.start.value, mapping->range.start.value);
        span.end.value = size_max(span.end.value, mapping->range.end.value);
    }
    return span;
}

struct error *locate_nginx_zones(const struct capture *capture, struct nginx_zones *zones)
{
    struct nginx_zones found = {0};
    struct memory_view view = view_of(capture);
    struct address_range span = shared_span(&capture->mappings);
    struct error *error = NULL;
    for (size_t i = 0; i < capture->piece_count && range_bytes(span) && !error; i++) {
        const struct capture_piece *piece = &capture->pieces[i];
        for (uint64_t at = 0; at + NGINX_SHM_BYTES <= range_bytes(piece->range) && !error; at += 8) {
            uint64_t word = field_u64(piece->data + at, NGINX_SHM_ADDRESS);
            struct nginx_zone zone;
            if (word >= span.start.value && word < span.end.value && word % capture->page_bytes == 0
                && read_zone(&view, piece->data + at, &zone))
                error = add_zone(&found, &zone);
        }
    }
    if (error) {
        nginx_zones_free(&found);
        return error;
    }
    SORT_BY_START(found.items, found.count);
    *zones = found;
    return NULL;
}

void nginx_zones_free(struct nginx_zones *zones)
{
    ARRAY_FREE(zones);
}

const struct nginx_zone *nginx_zones_find(const struct nginx_zones *zones, address_t at)
{
    for (size_t i = 0; i < zones->count; i++)
        if (range_holds(zones->items[i].range, at, 1))
            return &zones->items[i];
    return NULL;
}
