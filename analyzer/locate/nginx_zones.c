#include "locate/nginx_zones.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/range_search.h"
#include "base/size.h"
#include "layouts/nginx_shared_zone.h"
#include "locate/nginx_cycle.h"
#include "locate/program_data.h"
#include "target/lazy_memory.h"
#include "target/memory_view.h"

enum { ZONES_MAX = 4096, PARTS_MAX = 4096, COUNTERS_PROVING = 3 };

/* nginx maps it for itself: the accept mutex, the number of connections, the counters of stub_status. */
static const char counters_name[] = "nginx_shared_zone", counters_module[] = "ngx_event_core_module";

struct search {
    const struct capture *capture;
    const struct nginx_site *site;
    struct memory_view view;
    struct nginx_zones *zones;
};

static bool is_shared_anonymous(const struct mapping *mapping)
{
    return mapping->shared && mapping->path && strcmp(mapping->path, "/dev/zero") == 0;
}

/* What stands in a configuration between two spaces may be any byte; what is printed may not. */
static void copy_name(const char *from, uint64_t bytes, char name[NGINX_ZONE_NAME_MAX])
{
    for (uint64_t i = 0; i < bytes; i++)
        name[i] = isgraph((unsigned char)from[i]) ? from[i] : '?';
    name[bytes] = 0;
}

static bool read_zone(struct search *search, address_t at, struct nginx_zone *zone)
{
    const unsigned char *bytes = view_bytes(&search->view, at, NGINX_ZONE_BYTES);
    if (!bytes)
        return false;
    address_t start = address(field_u64(bytes, NGINX_ZONE_ADDRESS));
    const struct mapping *mapping = mappings_find(&search->capture->mappings, start);
    *zone = (struct nginx_zone){.size_bytes = field_u64(bytes, NGINX_ZONE_SIZE), .has_slabs = true};
    if (!mapping || !is_shared_anonymous(mapping) || !address_equal(mapping->range.start, start)
        || round_up(zone->size_bytes, search->capture->page_bytes) != range_bytes(mapping->range))
        return false;
    zone->range = mapping->range;
    const struct nginx_module *module = nginx_site_module(search->site, address(field_u64(bytes, NGINX_ZONE_TAG)));
    if (module)
        memcpy(zone->module, module->name, sizeof(zone->module));
    uint64_t length = size_min(field_u64(bytes, NGINX_ZONE_NAME_LENGTH), NGINX_ZONE_NAME_MAX - 1);
    const char *name = view_bytes(&search->view, address(field_u64(bytes, NGINX_ZONE_NAME)), length);
    copy_name(name, name ? length : 0, zone->name);
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

static struct error *read_list(struct search *search)
{
    address_t part = address_add(search->site->cycle,
        search->site->layout.cycle->shared_memory + NGINX_LIST_FIRST_PART);
    struct error *error = NULL;
    for (unsigned parts = 0; parts < PARTS_MAX && !address_is_null(part) && !error; parts++) {
        const unsigned char *bytes = view_bytes(&search->view, part, NGINX_PART_BYTES);
        if (!bytes)
            break;
        address_t items = address(field_u64(bytes, NGINX_PART_ITEMS));
        uint64_t count = size_min(field_u64(bytes, NGINX_PART_COUNT), ZONES_MAX);
        part = address(field_u64(bytes, NGINX_PART_NEXT));
        for (uint64_t i = 0; i < count && !error; i++) {
            struct nginx_zone zone;
            if (read_zone(search, address_add(items, i * NGINX_ZONE_BYTES), &zone))
                error = add_zone(search->zones, &zone);
        }
    }
    return error;
}

/* The counters' mapping has a place for each of them; nginx's variables point to the first three. */
struct counters {
    struct address_range range;
    unsigned named; /* bit i: a variable points to place i */
};

static struct error *note_counter(void *context, uint64_t word)
{
    struct counters *counters = context;
    uint64_t at = word - counters->range.start.value;
    if (at < COUNTERS_PROVING * NGINX_COUNTER_BYTES && at % NGINX_COUNTER_BYTES == 0)
        counters->named |= 1u << at / NGINX_COUNTER_BYTES;
    return NULL;
}

static struct error *find_counters(struct search *search)
{
    const struct mappings *mappings = &search->capture->mappings;
    struct error *error = NULL;
    for (size_t i = 0; i < mappings->count && !error; i++) {
        struct counters counters = {.range = mappings->items[i].range};
        if (!is_shared_anonymous(&mappings->items[i]) || range_bytes(counters.range) != search->capture->page_bytes
            || nginx_zones_find(search->zones, counters.range.start))
            continue;
        error = program_data_each_word(search->capture, note_counter, &counters);
        if (error || counters.named != (1u << COUNTERS_PROVING) - 1)
            continue;
        struct nginx_zone zone = {.range = counters.range, .size_bytes = range_bytes(counters.range)};
        strcpy(zone.name, counters_name);
        strcpy(zone.module, counters_module);
        error = add_zone(search->zones, &zone);
    }
    return error;
}

static struct error *search_zones(struct target *target, const struct capture *capture, struct nginx_zones *zones)
{
    struct nginx_site site;
    struct search search = {.capture = capture, .site = &site, .view = view_of(capture), .zones = zones};
    struct error *error = locate_nginx_cycle(target, capture, &(struct chunk_map){0}, &site);
    zones->is_nginx = !error && site.layout.cycle;
    if (zones->is_nginx)
        error = read_list(&search);
    if (!error && zones->is_nginx)
        error = find_counters(&search);
    nginx_site_free(&site);
    SORT_BY_START(zones->items, zones->count);
    return error;
}

struct error *locate_nginx_zones(struct target *target, struct nginx_zones *zones)
{
    struct nginx_zones found = {0};
    struct capture capture;
    struct error *error = capture_lazily(target, &capture);
    if (error)
        return error;
    error = search_zones(target, &capture, &found);
    capture_free(&capture);
    if (error)
        nginx_zones_free(&found);
    else
        *zones = found;
    return error;
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
