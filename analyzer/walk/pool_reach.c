#include "walk/pool_reach.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/range_search.h"
#include "base/size.h"
#include "locate/nginx_pool_header.h"
#include "target/capture_parts.h"
#include "walk/pool_memory.h"
#include "walk/shared_objects.h"

enum { WORD_BYTES = 8, STRUCTURE_BYTES_MAX = NGINX_POOL_MAX_LIMIT, QUEUE_SLACK = 4096 };

/* Memory to be gone through. */
struct pending {
    struct address_range range;
    uint32_t root;
};

struct pool_reach {
    const struct capture *capture;
    struct memory_view view;
    const struct chunk_map *chunks;
    const struct nginx_pools *pools;
    struct address_range span; /* of all chunks: no word outside leads anywhere */
    struct shared_objects shared;
    bool entered[POOL_KINDS];
    uint64_t *seen;            /* a bit for each place where a chunk may start, region behind region */
    uint64_t *first_bits;      /* of each region */
    uint32_t *roots;           /* of pools */
    uint32_t *first_chunks;    /* of each pool, in chunks_by_pool; one more at the end */
    uint32_t *chunks_by_pool;  /* indexes of pools->chunks */
    uint64_t left;
    struct {
        struct pending *items;
        size_t count, capacity;
    } pending;
    size_t next;
};

static bool test_and_set(uint64_t *bits, uint64_t bit)
{
    uint64_t mask = (uint64_t)1 << bit % 64, old = bits[bit / 64];
    bits[bit / 64] = old | mask;
    return old & mask;
}

static bool make_seen(struct pool_reach *reach)
{
    const struct chunk_map *chunks = reach->chunks;
    uint64_t bits = 0;
    reach->first_bits = calloc(chunks->count + 1, sizeof(*reach->first_bits));
    for (size_t i = 0; i < chunks->count && reach->first_bits; i++) {
        reach->first_bits[i] = bits;
        bits += range_bytes(chunks->items[i].range) / CHUNK_ALIGNMENT;
    }
    if (chunks->count)
        reach->span = (struct address_range){chunks->items[0].range.start, chunks->items[chunks->count - 1].range.end};
    reach->seen = calloc(bits / 64 + 1, sizeof(*reach->seen));
    return reach->first_bits && reach->seen;
}

static bool list_chunks_by_pool(struct pool_reach *reach)
{
    const struct nginx_pools *pools = reach->pools;
    uint32_t *first = calloc(pools->count + 2, sizeof(*first));
    reach->first_chunks = first;
    reach->chunks_by_pool = calloc(pools->chunk_count + 1, sizeof(*reach->chunks_by_pool));
    if (!first || !reach->chunks_by_pool)
        return false;
    for (size_t i = 0; i < pools->chunk_count; i++)
        first[pools->chunks[i].pool + 2]++;
    for (size_t i = 2; i < pools->count + 2; i++)
        first[i] += first[i - 1];
    for (size_t i = 0; i < pools->chunk_count; i++)
        reach->chunks_by_pool[first[pools->chunks[i].pool + 1]++] = (uint32_t)i;
    return true;
}

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
    struct pool_reach *made = calloc(1, sizeof(*made));
    if (!made)
        return error_no_memory();
    *made = (struct pool_reach){
        .capture = capture, .view = view_of(capture), .chunks = &heap->chunks, .pools = pools,
        .entered = {[POOL_CYCLE] = true, [POOL_OLD_CYCLE] = true},
    };
    if (!make_seen(made) || !list_chunks_by_pool(made) || !make_roots(made)
        || !shared_objects_make(&made->view, pools, &made->shared)) {
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
    free(reach->seen);
    free(reach->first_bits);
    free(reach->roots);
    free(reach->first_chunks);
    free(reach->chunks_by_pool);
    ARRAY_FREE(&reach->pending);
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

static struct error *add_pending(struct pool_reach *reach, struct address_range range, uint32_t root)
{
    struct pending *pending = range_bytes(range) ? ARRAY_ADD(&reach->pending) : NULL;
    if (pending)
        *pending = (struct pending){range, root};
    return pending || range_bytes(range) == 0 ? NULL : error_no_memory();
}

static bool see_chunk(struct pool_reach *reach, address_t start)
{
    const struct chunk_map *chunks = reach->chunks;
    const struct chunk_region *region = RANGE_HOLDING(chunks->items, chunks->count, start);
    return region && !test_and_set(reach->seen, reach->first_bits[region - chunks->items]
        + (start.value - region->range.start.value) / CHUNK_ALIGNMENT);
}

static struct error *reach_chunk(struct pool_reach *reach, const struct chunk *chunk, uint32_t root)
{
    struct malloc_block block;
    if (!see_chunk(reach, chunk->range.start) || !malloc_block_of(&reach->view, chunk, &block))
        return NULL;
    return add_pending(reach, block.range, root);
}

/* What is not in use, and what lies in the middle of a pool's header, nobody holds a pool by. */
static bool is_held_by(struct pool_reach *reach, const struct pool_chunk *chunk, address_t pointer)
{
    return address_equal(pointer, reach->pools->pools[chunk->pool].address)
        || range_holds(pool_chunk_contents(&reach->view, reach->pools, chunk), pointer, 1);
}

static struct error *reach_pool(struct pool_reach *reach, const struct pool_chunk *by, address_t pointer, uint32_t root)
{
    const uint32_t pool = by->pool;
    if (reach->roots[pool] != REACH_NO_ROOT || !is_held_by(reach, by, pointer))
        return NULL;
    reach->roots[pool] = root;
    reach->left--;
    struct error *error = NULL;
    for (uint32_t i = reach->first_chunks[pool]; i < reach->first_chunks[pool + 1] && !error; i++) {
        const struct pool_chunk *chunk = &reach->pools->chunks[reach->chunks_by_pool[i]];
        error = add_pending(reach, pool_chunk_contents(&reach->view, reach->pools, chunk), root);
    }
    return error;
}

static struct error *reach_pool_chunk(struct pool_reach *reach, const struct pool_chunk *chunk, address_t pointer,
    uint32_t root)
{
    enum pool_kind kind = reach->pools->pools[chunk->pool].kind;
    struct address_range object;
    if (kind == POOL_UNOWNED)
        return reach_pool(reach, chunk, pointer, root);
    if (!reach->entered[kind])
        return NULL;
    if (chunk->is_large)
        return reach_chunk(reach, &(struct chunk){chunk->range, true}, root);
    return shared_objects_take(&reach->shared, pointer, &object) ? add_pending(reach, object, root) : NULL;
}

void pool_reach_blank(struct pool_reach *reach, address_t place)
{
    shared_objects_blank(&reach->shared, place);
}

bool pool_reach_leads(const struct pool_reach *reach, address_t pointer)
{
    return RANGE_HOLDING(reach->chunks->items, reach->chunks->count, pointer) != NULL;
}

struct error *pool_reach_from(struct pool_reach *reach, address_t pointer, uint32_t root)
{
    const struct nginx_pools *pools = reach->pools;
    struct chunk chunk;
    if (!range_holds(reach->span, pointer, 1) || pointer.value % WORD_BYTES)
        return NULL;
    const struct pool_chunk *owned = RANGE_HOLDING(pools->chunks, pools->chunk_count, pointer);
    if (owned)
        return reach_pool_chunk(reach, owned, pointer, root);
    if (!chunk_map_find(reach->chunks, pointer, &chunk) || !chunk.used)
        return NULL;
    return reach_chunk(reach, &chunk, root);
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
        see_chunk(reach, chunk.range.start);
}

struct error *pool_reach_from_range(struct pool_reach *reach, struct address_range range, uint32_t root)
{
    const uint64_t low = reach->span.start.value, bytes = range_bytes(reach->span);
    const struct shared_block *block = shared_objects_block(&reach->shared, range.start);
    const struct address_range whole = range;
    struct capture_piece part;
    struct error *error = NULL;
    while (!error && capture_next_part(reach->capture, &range, &part)) {
        const uint64_t part_bytes = round_down(range_bytes(part.range), WORD_BYTES);
        for (uint64_t at = 0; at < part_bytes && !error; at += WORD_BYTES) {
            uint64_t word = field_u64(part.data + at, 0);
            if (word - low < bytes && word % WORD_BYTES == 0 && !range_holds(whole, address(word), 1)
                && !(block && shared_objects_is_blank(&reach->shared, block, address_add(part.range.start, at))))
                error = pool_reach_from(reach, address(word), root);
        }
    }
    return error;
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
        error = add_pending(reach, taken, root);
    return error;
}

/* The next in the queue. What was taken makes room when it is half of the queue. */
static struct pending take_pending(struct pool_reach *reach)
{
    struct pending taken = reach->pending.items[reach->next++];
    if (reach->next > QUEUE_SLACK && reach->next > reach->pending.count / 2) {
        reach->pending.count -= reach->next;
        memmove(reach->pending.items, reach->pending.items + reach->next,
            reach->pending.count * sizeof(*reach->pending.items));
        reach->next = 0;
    }
    return taken;
}

struct error *pool_reach_run(struct pool_reach *reach)
{
    struct error *error = NULL;
    while (!error && reach->left && reach->next < reach->pending.count) {
        struct pending pending = take_pending(reach);
        error = pool_reach_from_range(reach, pending.range, pending.root);
    }
    reach->pending.count = reach->next = 0;
    return error;
}

uint32_t pool_reach_root(const struct pool_reach *reach, size_t pool)
{
    return reach->roots[pool];
}

uint64_t pool_reach_left(const struct pool_reach *reach)
{
    return reach->left;
}
