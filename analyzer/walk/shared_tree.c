#include "walk/shared_tree.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/size.h"
#include "layouts/nginx_zone_contents.h"
#include "target/memory_view.h"
#include "walk/object_shares.h"

enum {
    LANES = 32,         /* ways that are followed at once by one thread: as many as the processor fetches, and some */
    STACK_PLACES = 128, /* no red-black tree that fits into memory is deeper */
    QUEUE_PLACES = 1024,
    SUBTREES = 256,     /* enough for shares to come out even */
    CACHE_LINE_BYTES = 64,
};

struct place {
    address_t node, parent;
    uint32_t depth;
};

/* One way into the tree: where it is, and where it has still to go. */
struct lane {
    struct place stack[STACK_PLACES];
    unsigned count;
    bool is_fetched; /* the top place's memory has been asked for */
};

/* Subtrees that nobody has taken up yet. */
struct subtrees {
    struct place places[QUEUE_PLACES];
    unsigned first, count;
    _Atomic unsigned taken;
};

struct worker {
    const struct shared_tree *tree;
    struct subtrees *subtrees;
    void *visitor;
    struct shared_tree_count count;
    struct lane lanes[LANES];
};

static void fetch(const struct shared_tree *tree, address_t node)
{
    const struct shared_image *image = tree->image;
    if (!range_holds(image->range, node, tree->node_bytes))
        return;
    const unsigned char *data = image->data + (node.value - image->range.start.value);
    __builtin_prefetch(data);
    if (tree->node_bytes > CACHE_LINE_BYTES)
        __builtin_prefetch(data + CACHE_LINE_BYTES);
    slab_claims_prefetch(tree->claims, node);
}

/* Look at the node, and put its children into `children`; how many it has. */
static unsigned visit(struct worker *worker, const struct place *place, struct place *children)
{
    static const unsigned sides[] = {NGINX_NODE_RIGHT, NGINX_NODE_LEFT};
    const struct shared_tree *tree = worker->tree;
    const void *live = shared_bytes(tree->image, place->node, tree->node_bytes);
    unsigned char node[SHARED_NODE_BYTES_MAX];
    unsigned count = 0;
    if (live)
        memcpy(node, live, tree->node_bytes);
    if (!live || (place->depth > 1 && field_u64(node, NGINX_NODE_PARENT) != place->parent.value)
        || worker->count.nodes >= tree->nodes_max || !tree->visit(worker->visitor, place->node, node)) {
        worker->count.torn++;
        return 0;
    }
    worker->count.nodes++;
    if (place->depth > worker->count.height)
        worker->count.height = place->depth;
    for (unsigned side = 0; side < 2; side++) {
        address_t child = address(field_u64(node, sides[side]));
        if (address_equal(child, tree->sentinel))
            continue;
        if (address_equal(child, tree->root) || (count && address_equal(child, children[0].node)))
            worker->count.torn++;
        else
            children[count++] = (struct place){child, place->node, place->depth + 1};
    }
    return count;
}

static bool take_subtree(struct worker *worker, struct lane *lane)
{
    struct subtrees *subtrees = worker->subtrees;
    unsigned number = atomic_fetch_add_explicit(&subtrees->taken, 1, memory_order_relaxed);
    if (number >= subtrees->count)
        return false;
    lane->stack[lane->count++] = subtrees->places[(subtrees->first + number) % QUEUE_PLACES];
    return true;
}

/* One step on one way; false when there is nothing left to take up. */
static bool step(struct worker *worker, struct lane *lane)
{
    if (!lane->count && !take_subtree(worker, lane))
        return false;
    if (!lane->is_fetched) {
        fetch(worker->tree, lane->stack[lane->count - 1].node);
        lane->is_fetched = true;
        return true;
    }
    struct place place = lane->stack[--lane->count], children[2];
    unsigned count = visit(worker, &place, children);
    if (lane->count + count > STACK_PLACES) {
        worker->count.torn++;
        count = 0;
    }
    for (unsigned i = 0; i < count; i++)
        lane->stack[lane->count++] = children[i];
    lane->is_fetched = count > 0;
    if (count)
        fetch(worker->tree, lane->stack[lane->count - 1].node);
    return true;
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    unsigned busy = LANES;
    while (busy) {
        busy = 0;
        for (unsigned i = 0; i < LANES; i++)
            busy += step(worker, &worker->lanes[i]);
    }
    return NULL;
}

/* Go down from the root, level by level, until there are enough subtrees for all. */
static void divide(struct worker *worker)
{
    struct subtrees *subtrees = worker->subtrees;
    if (!address_equal(worker->tree->root, worker->tree->sentinel))
        subtrees->places[subtrees->count++] = (struct place){worker->tree->root, ADDRESS_NONE, 1};
    while (subtrees->count && subtrees->count < SUBTREES) {
        struct place place = subtrees->places[subtrees->first], children[2];
        subtrees->first = (subtrees->first + 1) % QUEUE_PLACES;
        subtrees->count--;
        unsigned count = visit(worker, &place, children);
        for (unsigned i = 0; i < count; i++)
            subtrees->places[(subtrees->first + subtrees->count++) % QUEUE_PLACES] = children[i];
    }
}

struct error *shared_tree_walk(const struct shared_tree *tree, struct shared_tree_count *count)
{
    struct shared_tree_count sum = {0};
    struct subtrees subtrees = {0};
    CLEANUP(cleanup_free) struct worker *workers = calloc(tree->workers, sizeof(*workers));
    if (!workers)
        return error_no_memory();
    for (unsigned i = 0; i < tree->workers; i++) {
        workers[i].tree = tree;
        workers[i].subtrees = &subtrees;
        workers[i].visitor = (char *)tree->visitors + i * tree->visitor_bytes;
    }
    divide(&workers[0]);
    object_shares_run(work, workers, sizeof(*workers), tree->workers);
    for (unsigned i = 0; i < tree->workers; i++) {
        sum.nodes += workers[i].count.nodes;
        sum.torn += workers[i].count.torn;
        sum.height = workers[i].count.height > sum.height ? workers[i].count.height : sum.height;
    }
    *count = sum;
    return NULL;
}
