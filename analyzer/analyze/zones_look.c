#include "analyze/zones_look.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analyze/zone_lineage.h"
#include "analyze/zones_forecast.h"
#include "base/array.h"
#include "base/clock.h"
#include "base/size.h"
#include "locate/nginx_zones.h"
#include "target/shared_image.h"
#include "walk/zone_contents.h"

enum {
    BETWEEN_ATTEMPTS_MS = 2,
    /* For exact numbers, once there are some that are right within a few changes. */
    ATTEMPTS_MAX = 5,
    PATIENCE_MS = 200,
    /* For any, while changes stand in the way: one turn of a tree under its walker hides many entries. */
    BUSY_ATTEMPTS_MAX = 20,
    BUSY_PATIENCE_MS = 5000,
};

/* What is the same for all zones. */
struct look {
    struct target *target;
    const struct zones_options *options;
    struct mappings mappings;
};

static enum zone_kind kind_of(const struct nginx_zone *site)
{
    static const struct {
        const char *module;
        enum zone_kind kind;
    } kinds[] = {
        {"ngx_http_lua_module", ZONE_LUA_DICT},
        {"ngx_stream_lua_module", ZONE_LUA_DICT},
        {"ngx_http_limit_req_module", ZONE_LIMIT_REQ},
        {"ngx_http_limit_conn_module", ZONE_LIMIT_CONN},
        {"ngx_stream_limit_conn_module", ZONE_LIMIT_CONN},
        {"ngx_http_proxy_module", ZONE_CACHE},
        {"ngx_http_fastcgi_module", ZONE_CACHE},
        {"ngx_http_uwsgi_module", ZONE_CACHE},
        {"ngx_http_scgi_module", ZONE_CACHE},
        {"ngx_http_ssl_module", ZONE_SSL_SESSIONS},
        {"ngx_stream_ssl_module", ZONE_SSL_SESSIONS},
        {"ngx_mail_ssl_module", ZONE_SSL_SESSIONS},
        {"ngx_http_upstream_module", ZONE_UPSTREAM},
        {"ngx_stream_upstream_module", ZONE_UPSTREAM},
    };
    if (!site->has_slabs)
        return ZONE_COUNTERS;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(site->module, kinds[i].module) == 0)
            return kinds[i].kind;
    return ZONE_OTHER;
}

/* What of it is in the page tables of this process. */
static struct error *read_own(const struct look *look, struct shared_zone *zone)
{
    struct presence presence = {0};
    if (target_kind(look->target) != TARGET_LIVE_PROCESS)
        return NULL;
    struct error *error = target_presence(look->target, zone->range, &presence);
    zone->own_bytes = presence_resident_bytes(&presence, zone->range);
    presence_free(&presence);
    return error;
}

static uint64_t loaded_bytes(const struct shared_image *image)
{
    return image->loaded_pages * image->page_bytes;
}

static struct error *read_contents(const struct look *look, const struct shared_image *image,
    const struct slab_pool *pool, struct shared_zone *zone)
{
    const struct zone_reading reading = {
        .image = image,
        .pool = pool,
        .now_ms = target_moment_ms(look->target),
        .monotonic_ms = target_kind(look->target) == TARGET_CORE_FILE ? 0 : (uint64_t)clock_now_ms(),
        .show_strings = look->options->show_strings,
        .largest_count = look->options->largest_count,
    };
    return zone_contents_read(&reading, zone);
}

/* `slab_checks`: how many of the checks are of the pool; the others are of its contents. */
static struct error *read_inside(const struct look *look, const struct shared_image *image, struct shared_zone *zone,
    size_t *slab_checks)
{
    struct slab_pool pool;
    struct error *error = slab_pool_read(image, zone->size_bytes, &pool, &zone->slabs, &zone->checks);
    zone->has_slabs = !error;
    *slab_checks = zone->checks.count;
    if (!error) {
        error = read_contents(look, image, &pool, zone);
        zone->changes += slab_pool_changes(image, &pool);
    }
    slab_pool_free(&pool);
    return error;
}

/* Of a damaged zone, the pool alone may still be shown. */
static void hide_what_is_not_proven(struct shared_zone *zone, size_t slab_checks)
{
    zone->contents.is_known = false;
    for (size_t i = 0; i < slab_checks; i++)
        zone->has_slabs &= zone->checks.items[i].ok;
}

/* Only what memory does not permit is an error; what is not understood is told by the zone. */
static struct error *read_once(const struct look *look, const struct shared_image *image, struct shared_zone *zone)
{
    size_t slab_checks;
    struct error *error = read_inside(look, image, zone, &slab_checks);
    if (error && error_kind(error) != ERROR_NOT_UNDERSTOOD)
        return error;
    checks_forgive(&zone->checks, zone->changes);
    zone->damage = error ? error : checks_error(&zone->checks);
    if (zone->damage)
        hide_what_is_not_proven(zone, slab_checks);
    return NULL;
}

static bool is_exact(const struct shared_zone *zone)
{
    return !zone->damage && zone->changes == 0;
}

static bool is_better(const struct shared_zone *zone, const struct shared_zone *than)
{
    if (!zone->damage != !than->damage)
        return !zone->damage;
    return zone->changes <= than->changes;
}

static void let_run(void)
{
    const struct timespec pause = {.tv_nsec = BETWEEN_ATTEMPTS_MS * 1000000L};
    nanosleep(&pause, NULL);
}

static bool worth_another_attempt(const struct look *look, const struct shared_zone *best, unsigned attempts,
    double passed_ms)
{
    if (is_exact(best) || target_kind(look->target) == TARGET_CORE_FILE)
        return false;
    if (best->damage && best->changes)
        return attempts < BUSY_ATTEMPTS_MAX && passed_ms < BUSY_PATIENCE_MS;
    return attempts < ATTEMPTS_MAX && (best->damage || passed_ms < PATIENCE_MS);
}

static struct error *read_again(const struct look *look, struct shared_image *image,
    const struct shared_zone *outside, struct shared_zone *best)
{
    struct shared_zone seen = *outside;
    let_run();
    struct error *error = shared_image_look(image);
    if (!error)
        error = read_once(look, image, &seen);
    bool replaces = !error && is_better(&seen, best);
    shared_zone_release(replaces ? best : &seen);
    if (replaces)
        *best = seen;
    return error;
}

/* Until it is exact; the best of all attempts stays. */
static struct error *read_until_exact(const struct look *look, struct shared_image *image, struct shared_zone *zone)
{
    const struct shared_zone outside = *zone;
    double start_ms = clock_now_ms();
    struct error *error = read_once(look, image, zone);
    unsigned attempts = 1;
    for (; !error && worth_another_attempt(look, zone, attempts, clock_now_ms() - start_ms); attempts++)
        error = read_again(look, image, &outside, zone);
    zone->attempts = attempts;
    if (!error && zone->damage && zone->changes)
        zone->damage = error_wrap(zone->damage, "it changes too fast to be read beside nginx: %" PRIu64
            " changes during the best of %u attempts", zone->changes, attempts);
    return error;
}

static bool wants_inside(const struct look *look, const struct nginx_zone *site)
{
    return site->has_slabs && (!look->options->only || strcmp(look->options->only, site->name) == 0);
}

static struct error *read_image(const struct look *look, const struct nginx_zone *site, struct shared_image *image,
    struct shared_zone *zone)
{
    zone->has_residency = image->has_residency;
    if (image->has_residency && image->allocated_bytes > loaded_bytes(image))
        zone->swapped_bytes = image->allocated_bytes - loaded_bytes(image);
    struct error *error = wants_inside(look, site) ? read_until_exact(look, image, zone) : NULL;
    zone->loaded_bytes = loaded_bytes(image);
    zone->lineage.made_ns = image->made_ns;
    zone->name = strdup(site->name);
    zone->module = strdup(site->module[0] ? site->module : "?");
    return error || (zone->name && zone->module) ? error : error_no_memory();
}

/* Own pages are asked for first: they never are more than those that are loaded. */
static struct error *look_at_zone(const struct look *look, const struct nginx_zone *site, struct shared_zone *zone)
{
    const struct mapping *mapping = mappings_find(&look->mappings, site->range.start);
    if (!mapping || !address_equal(mapping->range.start, site->range.start)
        || !address_equal(mapping->range.end, site->range.end))
        return error_new(ERROR_UNREADABLE, "process %d no longer has zone %s; start respire again",
            target_pid(look->target), site->name);
    *zone = (struct shared_zone){.kind = kind_of(site), .range = site->range, .size_bytes = site->size_bytes};
    struct shared_image image = {0};
    struct error *error = read_own(look, zone);
    if (!error)
        error = shared_image_open(look->target, mapping, &image);
    if (!error)
        error = read_image(look, site, &image, zone);
    shared_image_close(&image);
    return error;
}

static int compare_loaded(const void *a, const void *b)
{
    const struct shared_zone *left = a, *right = b;
    if (left->loaded_bytes != right->loaded_bytes)
        return left->loaded_bytes < right->loaded_bytes ? 1 : -1;
    return (left->range.start.value > right->range.start.value) - (left->range.start.value < right->range.start.value);
}

static struct error *look_at_zones(const struct look *look, const struct nginx_zones *sites,
    struct shared_zones *zones)
{
    struct error *error = NULL;
    for (size_t i = 0; i < sites->count && !error; i++) {
        struct shared_zone *zone = ARRAY_ADD(zones);
        error = zone ? look_at_zone(look, &sites->items[i], zone) : error_no_memory();
    }
    if (error)
        return error;
    error = zone_lineage_find(look->target, &look->mappings, zones);
    if (error)
        return error;
    struct memory_now now;
    memory_now_read(look->target, &now);
    zones_forecast_make(&now, zones);
    if (zones->count)
        qsort(zones->items, zones->count, sizeof(*zones->items), compare_loaded);
    return NULL;
}

struct error *zones_look(struct target *target, const struct zones_options *options, bool *is_nginx,
    struct shared_zones *zones)
{
    struct look look = {.target = target, .options = options};
    struct nginx_zones sites = {0};
    struct shared_zones seen = {0};
    struct error *error = locate_nginx_zones(target, &sites);
    if (!error)
        error = target_mappings(target, &look.mappings);
    if (!error)
        error = look_at_zones(&look, &sites, &seen);
    bool found = sites.is_nginx;
    mappings_free(&look.mappings);
    nginx_zones_free(&sites);
    if (error) {
        shared_zones_release(&seen);
        return error;
    }
    *is_nginx = found;
    *zones = seen;
    return NULL;
}
