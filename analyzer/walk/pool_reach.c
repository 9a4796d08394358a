#include "walk/pool_reach.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/range_search.h"
#include "base/size.h"
#include "locate/nginx_pool_header.h"
#include "target/capture_parts.h"
#include "walk/chunk_marks.h"
#include "walk/pool_memory.h"
#include "walk/reach_doubt.h"
#include "walk/reach_queue.h"
#include "walk/shared_objects.h"

enum { WORD_BYTES = 8, STRUCTURE_BYTES_MAX = NGINX_POOL_MAX_LIMIT };

/* Roots from here on are entries: their index follows. */
static const uint32_t first_entry = (uint32_t)1 << 31;

struct pool_reach {
    const struct capture *capture;
    struct memory_view view;
    const struct chunk_map *chunks;
    const struct nginx_pools *pools;
    struct address_range span; /* of all chunks: no word outside leads anywhere */
    struct shared_objects shared;
    struct chunk_marks seen;
    bool entered[POOL_KINDS];
    uint32_t *roots; /* of pools */
    struct chunks_by_pool chunks_by_pool;
    uint64_t left;
    struct reach_queue near, far; /* `far`: contents of pools, after everything else */
    struct reach_entries entries;
};

static bool make_roots(struct pool_reach *reach)
{
    const struct nginx_pools *pools = reach->pools;
    reach->roots = calloc(pools->count + 1, sizeof(*reach->roots));
    for (size_t i = 0; i < pools->count && reach->roots; i++) {
        reach->roots[i] = REACH_NO_ROOT;
        reach->left += pools->pools[i].kind == POOL_UNOWNED;
    }
    return reach->roots != NULL;
}

static void learn_from_shared_pools(struct pool_reach *reach)
{
    const struct nginx_pools *pools = reach->pools;
    for (size_t i = 0; i < pools->chunk_count; i++)
        if (pools->pools[pools->chunks[i].pool].kind != POOL_UNOWNED)
            pool_reach_learn(reach, pool_chunk_contents(&reach->view, pools, &pools->chunks[i]));
}

struct error *pool_reach_new(const struct capture *capture, const struct glibc_heap *heap,
    const struct nginx_pools *pools, struct pool_reach **reach)
{
    const struct chunk_map *chunks = &heap->chunks;
    struct pool_reach *made = calloc(1, sizeof(*made));
    if (!made)
        return error_no_memory();
    *made = (struct pool_reach){
        .capture = capture, .view = view_of(capture), .chunks = chunks, .pools = pools,
        .entered = {[POOL_CYCLE] = true, [POOL_OLD_CYCLE] = true},
    };
    if (chunks->count)
        made->span = (struct address_range){chunks->items[0].range.start, chunks->items[chunks->count - 1].range.end};
    if (!chunk_marks_make(chunks, &made->seen) || !chunks_by_pool_make(pools, &made->chunks_by_pool)
        || !make_roots(made) || !shared_objects_make(&made->view, pools, &made->shared)) {
        pool_reach_free(made);
        return error_no_memory();
    }
    learn_from_shared_pools(made);
    *reach = made;
    return NULL;
}

void pool_reach_free(struct pool_reach *reach)
{
    if (!reach)
        return;
    shared_objects_free(&reach->shared);
    chunk_marks_free(&reach->seen);
    free(reach->roots);
    chunks_by_pool_free(&reach->chunks_by_pool);
    ARRAY_FREE(&reach->near);
    ARRAY_FREE(&reach->far);
    ARRAY_FREE(&reach->entries);
    free(reach);
}

void pool_reach_learn(struct pool_reach *reach, struct address_range range)
{
    struct capture_piece part;
    while (capture_next_part(reach->capture, &range, &part))
        for (uint64_t at = 0; at + WORD_BYTES <= range_bytes(part.range); at += WORD_BYTES)
            shared_objects_learn(&reach->shared, address_add(part.range.start, at), field_u64(part.data + at, 0));
}

void pool_reach_enter(struct pool_reach *reach, enum pool_kind kind)
{
    reach->entered[kind] = true;
}

static bool is_of_cycle(const struct pool_reach *reach, const struct pool_chunk *chunk)
{
    return pool_is_of_cycle(&reach->pools->pools[chunk->pool]);
}

/* Something that was reached before is reached again. */
static void meet_again(struct pool_reach *reach, address_t object, uint32_t root)
{
    if (root >= first_entry)
        reach_entries_take(&reach->entries, object, root - first_entry);
}

static struct error *put_off(struct pool_reach *reach, address_t object, uint32_t root)
{
    return reach_entries_add(&reach->entries, object, root) ? NULL : error_no_memory();
}

static struct error *take_chunk(struct pool_reach *reach, struct address_range block, uint32_t root, bool of_cycle)
{
    if (chunk_marks_set(&reach->seen, address_subtract(block.start, CHUNK_HEADER_BYTES)))
        return reach_queue_add(&reach->near, block, root, of_cycle);
    meet_again(reach, block.start, root);
    return NULL;
}

static struct error *take_pool(struct pool_reach *reach, uint32_t pool, uint32_t root)
{
    if (reach->roots[pool] != REACH_NO_ROOT) {
        meet_again(reach, reach->pools->pools[pool].address, root);
        return NULL;
    }
    reach->roots[pool] = root;
    reach->left--;
    struct error *error = NULL;
    const struct chunks_by_pool *lists = &reach->chunks_by_pool;
    for (uint32_t i = lists->first[pool]; i < lists->first[pool + 1] && !error; i++) {
        const struct pool_chunk *chunk = &reach->pools->chunks[lists->chunks[i]];
        error = reach_queue_add(&reach->far, pool_chunk_contents(&reach->view, reach->pools, chunk), root, false);
    }
    return error;
}

static struct error *reach_chunk(struct pool_reach *reach, const struct chunk *chunk,
    const struct pool_reference *reference)
{
    struct malloc_block block;
    if (!malloc_block_of(&reach->view, chunk, &block))
        return NULL;
    switch (reference_trust(&reach->view, reference, block.range, ADDRESS_NONE)) {
    case REFERENCE_SURE:
        return take_chunk(reach, block.range, reference->root, false);
    case REFERENCE_DOUBTFUL:
        return put_off(reach, block.range.start, reference->root);
    default:
        return NULL;
    }
}

/* By the pool itself, or by something that it has given out. */
static struct error *reach_pool(struct pool_reach *reach, const struct pool_chunk *by,
    const struct pool_reference *reference)
{
    address_t pool = reach->pools->pools[by->pool].address;
    struct address_range contents = pool_chunk_contents(&reach->view, reach->pools, by);
    switch (reference_trust(&reach->view, reference, contents, pool)) {
    case REFERENCE_SURE:
        return take_pool(reach, by->pool, reference->root);
    case REFERENCE_DOUBTFUL:
        return put_off(reach, pool, reference->root);
    default:
        return NULL;
    }
}

static struct error *reach_pool_chunk(struct pool_reach *reach, const struct pool_chunk *chunk,
    const struct pool_reference *reference)
{
    enum pool_kind kind = reach->pools->pools[chunk->pool].kind;
    const bool of_cycle = is_of_cycle(reach, chunk);
    struct address_range object;
    if (kind == POOL_UNOWNED)
        return reach_pool(reach, chunk, reference);
    if (!reach->entered[kind])
        return NULL;
    if (chunk->is_large)
        return take_chunk(reach, pool_chunk_contents(&reach->view, reach->pools, chunk), reference->root, of_cycle);
    return shared_objects_take(&reach->shared, reference->pointer, &object)
        ? reach_queue_add(&reach->near, object, reference->root, of_cycle) : NULL;
}

static struct error *follow(struct pool_reach *reach, const struct pool_reference *reference)
{
    const struct pool_chunk *owned = RANGE_HOLDING(reach->pools->chunks, reach->pools->chunk_count, reference->pointer);
    struct chunk chunk;
    if (owned)
        return reach_pool_chunk(reach, owned, reference);
    if (!chunk_map_find(reach->chunks, reference->pointer, &chunk) || !chunk.used)
        return NULL;
    return reach_chunk(reach, &chunk, reference);
}

void pool_reach_blank(struct pool_reach *reach, address_t place)
{
    shared_objects_blank(&reach->shared, place);
}

bool pool_reach_leads(const struct pool_reach *reach, address_t pointer)
{
    return RANGE_HOLDING(reach->chunks->items, reach->chunks->count, pointer) != NULL;
}

static bool may_point(const struct pool_reach *reach, uint64_t word)
{
    return word - reach->span.start.value < range_bytes(reach->span) && word % WORD_BYTES == 0;
}

struct error *pool_reach_from(struct pool_reach *reach, address_t pointer, uint32_t root)
{
    const struct pool_reference reference = {.pointer = pointer, .root = root};
    return may_point(reach, pointer.value) ? follow(reach, &reference) : NULL;
}

void pool_reach_bar(struct pool_reach *reach, struct address_range range)
{
    struct address_range object;
    struct chunk chunk;
    for (address_t at = range.start; at.value < range.end.value; at = object.end)
        if (!shared_objects_at(&reach->shared, at, &object))
            break;
        else
            shared_objects_take(&reach->shared, at, &object);
    if (!RANGE_HOLDING(reach->pools->chunks, reach->pools->chunk_count, range.start)
        && chunk_map_find(reach->chunks, range.start, &chunk))
        chunk_marks_set(&reach->seen, chunk.range.start);
}

static struct error *go_through(struct pool_reach *reach, const struct reach_item *item)
{
    const struct shared_block *block = shared_objects_block(&reach->shared, item->range.start);
    struct address_range left = item->range;
    struct capture_piece part;
    struct error *error = NULL;
    while (!error && capture_next_part(reach->capture, &left, &part)) {
        const uint64_t part_bytes = round_down(range_bytes(part.range), WORD_BYTES);
        for (uint64_t at = 0; at < part_bytes && !error; at += WORD_BYTES) {
            uint64_t word = field_u64(part.data + at, 0);
            if (!may_point(reach, word) || range_holds(item->range, address(word), 1))
                continue;
            const struct pool_reference reference = {
                address_add(part.range.start, at), address(word), item->of_cycle, item->root,
            };
            if (!block || !shared_objects_is_blank(&reach->shared, block, reference.place))
                error = follow(reach, &reference);
        }
    }
    return error;
}

struct error *pool_reach_from_range(struct pool_reach *reach, struct address_range range, uint32_t root)
{
    const struct nginx_pools *pools = reach->pools;
    const struct pool_chunk *chunk = RANGE_HOLDING(pools->chunks, pools->chunk_count, range.start);
    return go_through(reach, &(struct reach_item){range, root, chunk && is_of_cycle(reach, chunk)});
}

struct error *pool_reach_behind(struct pool_reach *reach, address_t pointer, uint32_t root)
{
    const address_t limit = address_add(pointer, STRUCTURE_BYTES_MAX);
    struct address_range object, taken;
    struct error *error = NULL;
    if (!shared_objects_at(&reach->shared, pointer, &object))
        return NULL;
    while (!error && object.end.value < limit.value && shared_objects_at(&reach->shared, object.end, &object)
        && shared_objects_take(&reach->shared, object.start, &taken))
        error = reach_queue_add(&reach->near, taken, root, true);
    return error;
}

/*
 * Until all pools are reached. An entry goes on to the end of what lies outside of pools: it may lead to other entries.
 */
static struct error *follow_pending(struct pool_reach *reach, bool is_entry)
{
    struct reach_item item;
    struct error *error = NULL;
    while (!error
        && (((reach->left || is_entry) && reach_queue_take(&reach->near, &item))
            || (reach->left && reach_queue_take(&reach->far, &item))))
        error = go_through(reach, &item);
    return error;
}

static struct error *follow_entry(struct pool_reach *reach, size_t entry)
{
    const struct pool_reference reference = {
        .pointer = reach->entries.items[entry].object, .root = first_entry + (uint32_t)entry,
    };
    struct error *error = follow(reach, &reference);
    return error ? error : follow_pending(reach, true);
}

struct error *pool_reach_run(struct pool_reach *reach)
{
    struct error *error = follow_pending(reach, false);
    while (!error && reach->left && reach_entries_open(&reach->entries))
        for (size_t i = reach->entries.first; i < reach->entries.opened && !error; i++)
            error = follow_entry(reach, i);
    return error;
}

uint32_t pool_reach_root(const struct pool_reach *reach, size_t pool)
{
    uint32_t root = reach->roots[pool];
    return root == REACH_NO_ROOT || root < first_entry ? root : reach_entries_root(&reach->entries, root - first_entry);
}

uint64_t pool_reach_left(const struct pool_reach *reach)
{
    return reach->left;
}
