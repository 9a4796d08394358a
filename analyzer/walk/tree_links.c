#include "walk/tree_links.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/size.h"
#include "walk/object_shares.h"

enum {
    LANES = 32,         /* ways that are followed at once by one thread: as many as the processor fetches, and some */
    STACK_STEPS = 128,  /* no red-black tree that fits into memory is deeper */
    QUEUE_STEPS = 1024,
    SUBTREES = 256,     /* enough for shares to come out even */
};

struct step {
    uint32_t link, depth;
};

/* One way into the tree: where it has still to go. */
struct lane {
    struct step stack[STACK_STEPS];
    unsigned count;
};

/* Subtrees that nobody has taken up yet. */
struct subtrees {
    struct step steps[QUEUE_STEPS];
    unsigned first, count;
    _Atomic unsigned taken;
};

struct worker {
    const struct tree_links *links;
    struct subtrees *subtrees;
    uint64_t nodes_max;
    struct tree_measure measure;
    struct lane lanes[LANES];
};

struct error *tree_links_make(const struct slab_pool *pool, unsigned node_bytes, struct tree_links *links)
{
    *links = (struct tree_links){
        .start = pool->start,
        .place_shift = 64 - (unsigned)__builtin_clzll(node_bytes - 1),
    };
    links->count = (pool->page_count << pool->page_shift) >> links->place_shift;
    links->bytes = size_max(links->count, 1) * sizeof(*links->items);
    if (links->count >= UINT32_MAX)
        return error_new(ERROR_FAILED, "a zone of so many slabs is more than respire can hold");
    /* What is never written takes no memory. */
    void *items = mmap(NULL, links->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (items == MAP_FAILED)
        return error_no_memory();
    madvise(items, links->bytes, MADV_HUGEPAGE);
    links->items = items;
    return NULL;
}

static void fetch(const struct tree_links *links, uint32_t link)
{
    __builtin_prefetch(&links->items[link - 1]);
}

/* Count the node, and put what is below it into `below`; how many that are. */
static unsigned visit(struct worker *worker, struct step step, struct step *below)
{
    const struct tree_link link = worker->links->items[step.link - 1];
    unsigned count = 0;
    if (worker->measure.nodes >= worker->nodes_max)
        return 0;
    worker->measure.nodes++;
    if (step.depth > worker->measure.height)
        worker->measure.height = step.depth;
    if (link.right)
        below[count++] = (struct step){link.right, step.depth + 1};
    if (link.left)
        below[count++] = (struct step){link.left, step.depth + 1};
    return count;
}

/* One step on one way; false when there is nothing left to take up. */
static bool go_on(struct worker *worker, struct lane *lane)
{
    struct subtrees *subtrees = worker->subtrees;
    struct step below[2];
    if (!lane->count) {
        unsigned number = atomic_fetch_add_explicit(&subtrees->taken, 1, memory_order_relaxed);
        if (number >= subtrees->count)
            return false;
        lane->stack[lane->count++] = subtrees->steps[(subtrees->first + number) % QUEUE_STEPS];
    }
    unsigned count = visit(worker, lane->stack[--lane->count], below);
    for (unsigned i = 0; i < count && lane->count < STACK_STEPS; i++) {
        fetch(worker->links, below[i].link);
        lane->stack[lane->count++] = below[i];
    }
    return true;
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    unsigned busy = LANES;
    while (busy) {
        busy = 0;
        for (unsigned i = 0; i < LANES; i++)
            busy += go_on(worker, &worker->lanes[i]);
    }
    return NULL;
}

/* Go down from the root, level by level, until there are enough subtrees for all. */
static void divide(struct worker *worker, uint32_t root)
{
    struct subtrees *subtrees = worker->subtrees;
    if (root)
        subtrees->steps[subtrees->count++] = (struct step){root, 1};
    while (subtrees->count && subtrees->count < SUBTREES) {
        struct step step = subtrees->steps[subtrees->first], below[2];
        subtrees->first = (subtrees->first + 1) % QUEUE_STEPS;
        subtrees->count--;
        unsigned count = visit(worker, step, below);
        for (unsigned i = 0; i < count; i++)
            subtrees->steps[(subtrees->first + subtrees->count++) % QUEUE_STEPS] = below[i];
    }
}

struct error *tree_links_measure(const struct tree_links *links, address_t root, uint64_t nodes_max, unsigned workers,
    struct tree_measure *measure)
{
    struct subtrees subtrees = {0};
    CLEANUP(cleanup_free) struct worker *shares = calloc(workers, sizeof(*shares));
    if (!shares)
        return error_no_memory();
    for (unsigned i = 0; i < workers; i++) {
        shares[i].links = links;
        shares[i].subtrees = &subtrees;
        shares[i].nodes_max = nodes_max;
    }
    divide(&shares[0], tree_link_to(links, root.value));
    object_shares_run(work, shares, sizeof(*shares), workers);
    *measure = (struct tree_measure){0};
    for (unsigned i = 0; i < workers; i++) {
        measure->nodes += shares[i].measure.nodes;
        measure->height = shares[i].measure.height > measure->height ? shares[i].measure.height : measure->height;
    }
    return NULL;
}

void tree_links_free(struct tree_links *links)
{
    if (links->items)
        munmap(links->items, links->bytes);
    links->items = NULL;
}
