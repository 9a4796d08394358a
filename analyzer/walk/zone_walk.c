#include "walk/zone_walk.h"

#include "base/cleanup.h"
#include "base/size.h"
#include "layouts/nginx_slab.h"
#include "target/memory_room.h"
#include "target/memory_view.h"
#include "walk/object_shares.h"
#include "walk/same_places.h"
#include "walk/slab_scan.h"

enum { PLACES_PER_MOVE = 6 }; /* an entry that moves is out of place, and so are its neighbours, before and after */

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

static struct error *open_record(struct zone_walk *walk)
{
    const struct shared_image *image = walk->reading->image;
    const void *tree = shared_bytes(image, walk->record, NGINX_TREE_BYTES), *queue = NULL;
    if (walk->row->queue != NGINX_ZONE_FIELD_ABSENT) {
        walk->queue = address_add(walk->record, walk->row->queue);
        queue = shared_bytes(image, walk->queue, NGINX_QUEUE_BYTES);
    }
    if (!tree || (!queue && walk->row->queue != NGINX_ZONE_FIELD_ABSENT))
        return error_new(ERROR_NOT_UNDERSTOOD, "its module's record is not in memory");
    walk->root = address(field_u64(tree, NGINX_TREE_ROOT));
    walk->sentinel = address(field_u64(tree, NGINX_TREE_SENTINEL));
    if (queue) {
        walk->newest = address(field_u64(queue, NGINX_QUEUE_NEXT));
        walk->oldest = address(field_u64(queue, NGINX_QUEUE_PREVIOUS));
    }
    return NULL;
}

struct error *zone_walk_begin(struct zone_walk *walk, const struct zone_reading *reading,
    struct shared_zone *zone, const struct nginx_zone_row *row)
{
    *walk = (struct zone_walk){.reading = reading, .zone = zone, .row = row,
        .record = reading->pool->data};
    struct error *error = open_record(walk);
    if (!error)
        error = slab_claims_make(reading->pool, &zone->slabs, &walk->claims);
    if (error)
        return error;
    walk->workers = object_shares((object_id)size_min(slabs_used(&zone->slabs), UINT32_MAX));
    slab_claims_take(&walk->claims, walk->record, row->record_bytes, false);
    slab_claims_take_any(&walk->claims, log_text_of(reading->image));
    if (row->sentinel == NGINX_ZONE_FIELD_ABSENT)
        slab_claims_take(&walk->claims, walk->sentinel, NGINX_NODE_BYTES, false);
    return NULL;
}

/* One thread's part. */
struct entry_finder {
    struct zone_walk *walk;
    void *visitor;
    uint64_t entries;
    struct same_places in_tree; /* who is below whom: as told by those above, and by those below */
    struct same_places in_queue;
};

static bool is_place(const struct zone_walk *walk, uint64_t at)
{
    return at == walk->sentinel.value
        || slab_pool_page(walk->reading->pool, address(at)) < walk->reading->pool->page_count;
}

/* What is not of the tree does not look like it: three words that point into the zone. */
static bool may_be_node(const struct zone_walk *walk, address_t at, const unsigned char *slab)
{
    return !address_equal(at, walk->record) && !address_equal(at, walk->sentinel)
        && (!walk->row->entry.has_short_hash || field_u64(slab, NGINX_NODE_KEY) <= UINT32_MAX)
        && is_place(walk, field_u64(slab, NGINX_NODE_LEFT)) && is_place(walk, field_u64(slab, NGINX_NODE_RIGHT))
        && (address_equal(at, walk->root) || is_place(walk, field_u64(slab, NGINX_NODE_PARENT)));
}

static uint64_t branch(uint64_t above, uint64_t below)
{
    return above * UINT64_C(0x9e3779b97f4a7c15) + below;
}

static void note_in_tree(struct entry_finder *finder, address_t at, const unsigned char *node)
{
    struct zone_walk *walk = finder->walk;
    const uint64_t left = field_u64(node, NGINX_NODE_LEFT), right = field_u64(node, NGINX_NODE_RIGHT);
    const uint64_t sentinel = walk->sentinel.value;
    tree_links_note(&walk->links, at, left == sentinel ? 0 : left, right == sentinel ? 0 : right);
    if (left != sentinel)
        same_places_add(&finder->in_tree, branch(at.value, left));
    if (right != sentinel)
        same_places_add(&finder->in_tree, branch(at.value, right));
    if (!address_equal(at, walk->root))
        same_places_take(&finder->in_tree, branch(field_u64(node, NGINX_NODE_PARENT), at.value));
}

static void look_at(void *argument, address_t at, const unsigned char *slab)
{
    struct entry_finder *finder = argument;
    const struct zone_walk *walk = finder->walk;
    if (!may_be_node(walk, at, slab) || !walk->visit(finder->visitor, at, slab))
        return;
    finder->entries++;
    note_in_tree(finder, at, slab);
    if (walk->row->queue == NGINX_ZONE_FIELD_ABSENT)
        return;
    same_places_add(&finder->in_queue, at.value + walk->row->entry.queue);
    same_places_take(&finder->in_queue, field_u64(slab, walk->row->entry.queue + NGINX_QUEUE_NEXT));
}

/*
 * Each entry but the root is below the one that it names, and once: then all of them are one tree if that has as many
 * nodes as there are entries. Only of a zone that nobody has changed since its books were read.
 */
static struct error *check_tree(const struct zone_walk *walk, const struct same_places *in_tree)
{
    struct zone_contents *contents = &walk->zone->contents;
    struct tree_measure tree = {0};
    struct error *error = NULL;
    if (slab_pool_changes(walk->reading->image, walk->reading->pool))
        return NULL;
    if (!address_equal(walk->root, walk->sentinel))
        error = tree_links_measure(&walk->links, walk->root, contents->entries + 1, walk->workers, &tree);
    if (error)
        return error;
    contents->tree_height = tree.height;
    checks_add(&walk->zone->checks, "nodes of the tree = entries", contents->entries, tree.nodes);
    checks_add(&walk->zone->checks, "entries that the tree does not lead to once", 0, same_places_differing(in_tree));
    return NULL;
}

/* Only if the ends of the queue are still the same: reading an entry moves it, and leaves no other trace. */
static void check_queue(const struct zone_walk *walk, struct same_places *in_queue)
{
    const void *queue = shared_bytes(walk->reading->image, walk->queue, NGINX_QUEUE_BYTES);
    if (!queue || field_u64(queue, NGINX_QUEUE_NEXT) != walk->newest.value
        || field_u64(queue, NGINX_QUEUE_PREVIOUS) != walk->oldest.value)
        return;
    same_places_add(in_queue, walk->queue.value);
    same_places_take(in_queue, walk->newest.value);
    checks_add_in_units(&walk->zone->checks, "entries that the queue does not lead to once", 0,
        same_places_differing(in_queue), PLACES_PER_MOVE);
}

static void scan(struct zone_walk *walk, struct entry_finder *finders)
{
    const struct slab_scan scan = {
        .image = walk->reading->image,
        .pool = walk->reading->pool,
        .bytes = walk->entry_bytes,
        .workers = walk->workers,
        .visit = look_at,
        .visitors = finders,
        .visitor_bytes = sizeof(*finders),
    };
    for (unsigned i = 0; i < walk->workers; i++) {
        finders[i].walk = walk;
        finders[i].visitor = (char *)walk->visitors + i * walk->visitor_bytes;
    }
    slab_scan_run(&scan);
}

struct error *zone_walk_entries(struct zone_walk *walk)
{
    struct zone_contents *contents = &walk->zone->contents;
    CLEANUP(cleanup_free) struct entry_finder *finders = calloc(walk->workers, sizeof(*finders));
    if (!finders)
        return error_no_memory();
    const uint64_t loaded_bytes = walk->reading->image->loaded_pages * walk->reading->image->page_bytes;
    struct error *error = memory_room_ask(tree_links_bytes(loaded_bytes, walk->row->entry.bytes), "who is below whom");
    if (!error)
        error = tree_links_make(walk->reading->pool, walk->row->entry.bytes, &walk->links);
    if (error)
        return error;
    scan(walk, finders);
    contents->entries = finders[0].entries;
    for (unsigned i = 1; i < walk->workers; i++) {
        contents->entries += finders[i].entries;
        same_places_join(&finders[0].in_tree, &finders[i].in_tree);
        same_places_join(&finders[0].in_queue, &finders[i].in_queue);
    }
    if (walk->row->queue != NGINX_ZONE_FIELD_ABSENT)
        check_queue(walk, &finders[0].in_queue);
    return check_tree(walk, &finders[0].in_tree);
}

void zone_walk_check(const struct zone_walk *walk)
{
    checks_add(&walk->zone->checks, "places at which lists do not go on as they should", 0, walk->torn);
    slab_claims_check(&walk->claims, &walk->zone->checks);
}

struct error *zone_show_key(const struct zone_reading *reading, address_t at, struct shown_entry *shown)
{
    const void *key = shared_bytes(reading->image, at, shown->key_bytes);
    if (!reading->show_strings || !key)
        return NULL;
    shown->key = calloc(shown->key_bytes + 1, 1);
    if (!shown->key)
        return error_no_memory();
    memcpy(shown->key, key, shown->key_bytes);
    return NULL;
}

void zone_walk_end(struct zone_walk *walk)
{
    slab_claims_free(&walk->claims);
    tree_links_free(&walk->links);
}
