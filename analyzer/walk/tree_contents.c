/* The inside of zones whose entries a row can tell: limit_req, limit_conn, keys of caches, sessions of TLS. */
#include "base/size.h"
#include "target/memory_view.h"
#include "walk/slab_scan.h"
#include "walk/zone_walk.h"

enum { MS_PER_SECOND = 1000 };

/* One thread's part. */
struct tree_visitor {
    struct slab_claims *claims;
    const struct nginx_zone_row *row;
    uint64_t now_ms, expired;
};

struct tree_walk {
    struct zone_walk zone;
    struct tree_visitor *visitors; /* owned */
};

static bool is_present(uint16_t field)
{
    return field != NGINX_ZONE_FIELD_ABSENT;
}

static uint64_t key_bytes_of(const struct nginx_zone_row *row, const unsigned char *node)
{
    if (!is_present(row->entry.key_length))
        return row->entry.key_bytes;
    return row->entry.key_length_bytes == 1 ? field_u8(node, row->entry.key_length)
                                            : field_u16(node, row->entry.key_length);
}

/* Of the slab that begins with the node: the key is behind the rest, or among it. */
static uint64_t entry_bytes(const struct nginx_zone_row *row, const unsigned char *node)
{
    if (!is_present(row->entry.key))
        return row->entry.bytes;
    return size_max(row->entry.bytes, row->entry.key + key_bytes_of(row, node));
}

static uint64_t expires_ms_of(const struct nginx_zone_row *row, const unsigned char *node)
{
    uint64_t ms;
    bool wraps = __builtin_mul_overflow(field_u64(node, row->entry.expires_s), (uint64_t)MS_PER_SECOND, &ms);
    return wraps ? UINT64_MAX : ms;
}

static bool visit(void *argument, address_t at, const unsigned char *node)
{
    struct tree_visitor *visitor = argument;
    const struct nginx_zone_row *row = visitor->row;
    const bool expired = is_present(row->entry.expires_s) && expires_ms_of(row, node) <= visitor->now_ms;
    const bool has_other = is_present(row->entry.other);
    const address_t other = has_other ? address(field_u64(node, row->entry.other)) : ADDRESS_NONE;
    const uint64_t other_bytes = has_other ? field_u64(node, row->entry.other_length) : 0;
    if (has_other && !slab_pool_holds(visitor->claims->pool, other, other_bytes))
        return false;
    if (!slab_claims_take(visitor->claims, at, entry_bytes(row, node), expired))
        return false;
    if (has_other)
        slab_claims_take(visitor->claims, other, other_bytes, expired);
    visitor->expired += expired;
    return true;
}

static struct error *make_visitors(struct tree_walk *walk)
{
    const uint64_t bytes = size_max(NGINX_NODE_BYTES, walk->zone.row->entry.bytes);
    walk->visitors = calloc(walk->zone.workers, sizeof(*walk->visitors));
    if (!walk->visitors)
        return error_no_memory();
    for (unsigned i = 0; i < walk->zone.workers; i++) {
        walk->visitors[i].claims = &walk->zone.claims;
        walk->visitors[i].row = walk->zone.row;
        walk->visitors[i].now_ms = walk->zone.reading->now_ms;
    }
    walk->zone.visit = visit;
    walk->zone.visitors = walk->visitors;
    walk->zone.visitor_bytes = sizeof(*walk->visitors);
    walk->zone.entry_bytes = (unsigned)size_min(bytes, SLAB_SCAN_BYTES_MAX);
    return NULL;
}

/* The entry whose place in the queue is at `at`. */
static struct error *show_end(const struct tree_walk *walk, address_t at, struct shown_entry *shown)
{
    const struct zone_reading *reading = walk->zone.reading;
    const struct nginx_zone_row *row = walk->zone.row;
    const address_t entry = address_subtract(at, row->entry.queue);
    const unsigned char *node = shared_bytes(reading->image, entry, row->entry.bytes);
    if (!node || !slab_pool_holds(reading->pool, entry, entry_bytes(row, node)))
        return error_new(ERROR_NOT_UNDERSTOOD, "its queue leads to no entry");
    shown->key_bytes = key_bytes_of(row, node);
    if (is_present(row->entry.expires_s)) {
        shown->expires = true;
        shown->left_ms = (int64_t)(expires_ms_of(row, node) - reading->now_ms);
    }
    const uint64_t last_ms = is_present(row->entry.last_ms) ? field_u64(node, row->entry.last_ms) : 0;
    if (reading->monotonic_ms && last_ms) {
        shown->has_age = true;
        shown->age_ms = (int64_t)(reading->monotonic_ms - last_ms);
    }
    return is_present(row->entry.key) ? zone_show_key(reading, address_add(entry, row->entry.key), shown) : NULL;
}

static struct error *show_ends(const struct tree_walk *walk, struct zone_contents *contents)
{
    const struct zone_walk *zone = &walk->zone;
    if (!is_present(zone->row->queue) || address_equal(zone->newest, zone->queue))
        return NULL;
    struct error *error = show_end(walk, zone->newest, &contents->newest);
    if (!error)
        error = show_end(walk, zone->oldest, &contents->oldest);
    contents->has_ends = !error;
    return error;
}

/* What the module itself says. */
static struct error *compare(const struct tree_walk *walk, struct zone_contents *contents)
{
    const struct nginx_zone_row *row = walk->zone.row;
    const void *record = shared_bytes(walk->zone.reading->image, walk->zone.record, row->record_bytes);
    if (!record)
        return error_new(ERROR_NOT_UNDERSTOOD, "its module's record is not in memory");
    if (is_present(row->count))
        checks_add(&walk->zone.zone->checks, "entries = the module's own count", field_u64(record, row->count),
            contents->entries);
    if (is_present(row->disk_blocks))
        contents->disk_blocks = field_u64(record, row->disk_blocks);
    return NULL;
}

static struct error *follow(struct tree_walk *walk)
{
    struct zone_contents *contents = &walk->zone.zone->contents;
    struct error *error = make_visitors(walk);
    if (!error)
        error = zone_walk_entries(&walk->zone);
    if (error)
        return error;
    for (unsigned i = 0; i < walk->zone.workers; i++)
        contents->expired += walk->visitors[i].expired;
    contents->is_known = true;
    contents->pages_if_expired_went = slab_claims_freed_pages(&walk->zone.claims);
    zone_walk_check(&walk->zone);
    error = compare(walk, contents);
    return error ? error : show_ends(walk, contents);
}

struct error *tree_contents_read(const struct zone_reading *reading,
    const struct nginx_zone_row *row, struct shared_zone *zone)
{
    struct tree_walk walk = {0};
    struct error *error = zone_walk_begin(&walk.zone, reading, zone, row);
    if (!error)
        error = follow(&walk);
    free(walk.visitors);
    zone_walk_end(&walk.zone);
    return error;
}
