/* The inside of a lua_shared_dict: each entry is a slab, with key and value in it. */
#include "base/size.h"
#include "layouts/nginx_zone_contents.h"
#include "target/memory_view.h"
#include "walk/dict_lists.h"

/* One thread's part. */
struct dict_visitor {
    struct slab_claims *claims;
    struct dict_sums sums;
    struct dict_lists lists;
};

struct dict_walk {
    struct zone_walk zone;
    struct dict_visitor *visitors; /* owned */
};

static bool read_type(unsigned type, uint64_t value_bytes, enum dict_value *value)
{
    static const enum dict_value values[] = {
        [NGINX_DICT_BOOLEAN] = DICT_BOOLEAN, [NGINX_DICT_NUMBER] = DICT_NUMBER,
        [NGINX_DICT_STRING] = DICT_STRING,   [NGINX_DICT_LIST] = DICT_LIST,
    };
    *value = type < sizeof(values) / sizeof(values[0]) ? values[type] : DICT_NIL;
    return (type == NGINX_DICT_BOOLEAN && value_bytes == NGINX_DICT_BOOLEAN_BYTES)
        || (type == NGINX_DICT_NUMBER && value_bytes == NGINX_DICT_NUMBER_BYTES) || *value == DICT_STRING
        || *value == DICT_LIST;
}

/* Where the head of a list is, counted from its node. */
static uint64_t list_head_offset(uint64_t key_bytes)
{
    return round_up(NGINX_DICT_KEY + key_bytes, NGINX_DICT_LIST_ALIGNMENT);
}

static bool visit(void *argument, address_t at, const unsigned char *node)
{
    struct dict_visitor *visitor = argument;
    const uint32_t value_length = field_u32(node, NGINX_DICT_VALUE_LENGTH);
    struct dict_entry entry = {
        .at = at,
        .key_bytes = field_u16(node, NGINX_DICT_KEY_LENGTH),
        .expires_ms = field_u64(node, NGINX_DICT_EXPIRES),
    };
    if (!read_type(field_u8(node, NGINX_DICT_VALUE_TYPE), value_length, &entry.type))
        return false;
    const bool is_list = entry.type == DICT_LIST;
    const uint64_t head = list_head_offset(entry.key_bytes);
    const uint64_t bytes = is_list ? head + NGINX_QUEUE_BYTES : NGINX_DICT_KEY + entry.key_bytes + value_length;
    if (!slab_claims_take(visitor->claims, at, bytes, dict_entry_expired(entry.expires_ms, visitor->sums.now_ms)))
        return false;
    if (is_list) {
        dict_lists_add(&visitor->lists, &entry, address_add(at, head), value_length);
        return true;
    }
    entry.value_bytes = value_length;
    dict_sums_add(&visitor->sums, &entry);
    return true;
}

static struct error *make_visitors(struct dict_walk *walk)
{
    const struct zone_reading *reading = walk->zone.reading;
    const address_t newest = address_subtract(walk->zone.newest, NGINX_DICT_QUEUE);
    const address_t oldest = address_subtract(walk->zone.oldest, NGINX_DICT_QUEUE);
    walk->visitors = calloc(walk->zone.workers, sizeof(*walk->visitors));
    if (!walk->visitors)
        return error_no_memory();
    for (unsigned i = 0; i < walk->zone.workers; i++) {
        struct dict_visitor *visitor = &walk->visitors[i];
        visitor->claims = &walk->zone.claims;
        visitor->lists = (struct dict_lists){
            .image = reading->image, .claims = visitor->claims, .sums = &visitor->sums,
        };
        if (!dict_sums_make(&visitor->sums, reading->now_ms, reading->largest_count, newest, oldest))
            return error_no_memory();
    }
    walk->zone.visit = visit;
    walk->zone.visitors = walk->visitors;
    walk->zone.visitor_bytes = sizeof(*walk->visitors);
    walk->zone.entry_bytes = NGINX_DICT_QUEUE + NGINX_QUEUE_BYTES;
    return NULL;
}

/* All that the visitors have goes into the first of them. */
static void join(struct dict_walk *walk)
{
    for (unsigned i = 0; i < walk->zone.workers; i++) {
        struct dict_visitor *visitor = &walk->visitors[i];
        dict_lists_follow(&visitor->lists);
        walk->zone.torn += visitor->lists.torn;
        if (i > 0)
            dict_sums_join(&walk->visitors[0].sums, &visitor->sums);
    }
}

static struct error *tell(struct dict_walk *walk)
{
    struct shared_zone *zone = walk->zone.zone;
    struct zone_contents *contents = &zone->contents;
    struct error *error = dict_sums_tell(&walk->visitors[0].sums, walk->zone.reading, contents);
    if (error)
        return error;
    contents->is_known = true;
    contents->key_overhead = NGINX_DICT_KEY;
    if (zone->slabs.largest_allocation > NGINX_DICT_KEY)
        contents->largest_value = zone->slabs.largest_allocation - NGINX_DICT_KEY;
    contents->pages_if_expired_went = slab_claims_freed_pages(&walk->zone.claims);
    zone_walk_check(&walk->zone);
    return NULL;
}

static struct error *follow(struct dict_walk *walk)
{
    struct error *error = make_visitors(walk);
    if (!error)
        error = zone_walk_entries(&walk->zone);
    if (error)
        return error;
    join(walk);
    return tell(walk);
}

struct error *dict_contents_read(const struct zone_reading *reading,
    const struct nginx_zone_row *row, struct shared_zone *zone)
{
    struct dict_walk walk = {0};
    struct error *error = zone_walk_begin(&walk.zone, reading, zone, row);
    if (!error)
        error = follow(&walk);
    for (unsigned i = 0; walk.visitors && i < walk.zone.workers; i++)
        dict_sums_free(&walk.visitors[i].sums);
    free(walk.visitors);
    zone_walk_end(&walk.zone);
    return error;
}
