#include "walk/zone_walk.h"

#include "layouts/nginx_slab.h"
#include "layouts/nginx_zone_contents.h"
#include "target/memory_view.h"

static uint64_t slabs_used(const struct slab_account *slabs)
{
    uint64_t used = slabs->pages.whole_allocations;
    for (size_t i = 0; i < slabs->size_count; i++)
        used += slabs->sizes[i].used;
    return used;
}

static address_t log_text_of(const struct shared_image *image)
{
    const void *pool = shared_bytes(image, image->range.start, NGINX_SLAB_POOL_BYTES);
    return pool ? address(field_u64(pool, NGINX_SLAB_LOG_CONTEXT)) : ADDRESS_NONE;
}

bool zone_is_laid_out(const struct zone_reading *reading, const char *text, uint64_t record_bytes)
{
    const char *found = shared_bytes(reading->image, log_text_of(reading->image), strlen(text));
    return found && memcmp(found, text, strlen(text)) == 0
        && slab_pool_holds(reading->pool, reading->pool->data, record_bytes);
}

/* A tree's sentinel is within the record, or not, as the row has it. */
static bool has_sentinel(const struct zone_reading *reading, const struct nginx_zone_row *row)
{
    const address_t record = reading->pool->data;
    const void *tree = shared_bytes(reading->image, record, NGINX_TREE_BYTES);
    if (!tree)
        return false;
    const address_t sentinel = address(field_u64(tree, NGINX_TREE_SENTINEL));
    return row->sentinel == NGINX_ZONE_FIELD_ABSENT
        ? slab_pool_holds(reading->pool, sentinel, NGINX_NODE_BYTES)
        : address_equal(sentinel, address_add(record, row->sentinel));
}

const struct nginx_zone_row *zone_row_of(const struct zone_reading *reading, const struct nginx_zone_rows *rows)
{
    for (unsigned i = 0; i < rows->count; i++) {
        const struct nginx_zone_row *row = &rows->items[i];
        if (zone_is_laid_out(reading, row->text, row->record_bytes) && has_sentinel(reading, row))
            return row;
    }
    return NULL;
}

struct error *zone_walk_begin(struct zone_walk *walk, const struct zone_reading *reading, struct shared_zone *zone,
    const struct nginx_zone_row *row)
{
    *walk = (struct zone_walk){.reading = reading, .zone = zone, .row = row, .record = reading->pool->data};
    walk->tree.image = reading->image;
    if (!shared_tree_open(&walk->tree, walk->record))
        return error_new(ERROR_NOT_UNDERSTOOD, "the head of its tree is not in memory");
    struct error *error = slab_claims_make(reading->pool, &zone->slabs, &walk->claims);
    if (error)
        return error;
    slab_claims_take(&walk->claims, walk->record, row->record_bytes, false);
    slab_claims_take_any(&walk->claims, log_text_of(reading->image));
    if (row->sentinel == NGINX_ZONE_FIELD_ABSENT)
        slab_claims_take(&walk->claims, walk->tree.sentinel, NGINX_NODE_BYTES, false);
    return NULL;
}

unsigned zone_walk_workers(const struct zone_walk *walk)
{
    return shared_tree_workers(slabs_used(&walk->zone->slabs));
}

struct error *zone_walk_tree(struct zone_walk *walk)
{
    struct shared_tree *tree = &walk->tree;
    struct shared_tree_count count;
    tree->claims = &walk->claims;
    tree->nodes_max = slabs_used(&walk->zone->slabs);
    struct error *error = shared_tree_walk(tree, &count);
    if (error)
        return error;
    walk->zone->contents.entries = count.nodes;
    walk->zone->contents.tree_height = count.height;
    walk->torn += count.torn;
    return NULL;
}

bool zone_walk_queue(const struct zone_walk *walk, address_t head, address_t *first, address_t *last)
{
    const void *bytes = shared_bytes(walk->reading->image, head, NGINX_QUEUE_BYTES);
    if (!bytes)
        return false;
    *first = address(field_u64(bytes, NGINX_QUEUE_NEXT));
    *last = address(field_u64(bytes, NGINX_QUEUE_PREVIOUS));
    return true;
}

void zone_walk_check_queue(const struct zone_walk *walk, address_t head, address_t first, address_t last,
    struct queue_ring *ring)
{
    address_t first_now, last_now;
    if (!zone_walk_queue(walk, head, &first_now, &last_now) || !address_equal(first, first_now)
        || !address_equal(last, last_now))
        return;
    queue_ring_add(ring, head.value, first.value);
    checks_add(&walk->zone->checks, "entries that the queue does not lead to once", 0, queue_ring_astray(ring));
}

void zone_walk_check(const struct zone_walk *walk)
{
    checks_add(&walk->zone->checks, "places at which tree and lists do not go on as they should", 0, walk->torn);
    slab_claims_check(&walk->claims, &walk->zone->checks);
}

void zone_walk_end(struct zone_walk *walk)
{
    slab_claims_free(&walk->claims);
}
