/*
 * A red-black tree (ngx_rbtree_t) in shared memory, followed from outside while nginx goes on. Every step waits for
 * memory, so many ways are followed at once, by as many threads as pay off.
 *
 * A node is met once: it must name the one as its parent from which it was reached. Where it does not, the tree changed
 * meanwhile, or is damaged; the way ends there, and is counted as torn.
 */
#ifndef RESPIRE_WALK_SHARED_TREE_H
#define RESPIRE_WALK_SHARED_TREE_H

#include "walk/slab_claims.h"

enum { SHARED_NODE_BYTES_MAX = 128 };

struct shared_tree {
    const struct shared_image *image;
    const struct slab_claims *claims; /* looked up for each node soon after: fetched beforehand */
    address_t root, sentinel;
    unsigned node_bytes;  /* of each node that `visit` is shown: at least NGINX_NODE_BYTES */
    uint64_t nodes_max;   /* more cannot be: slabs that are used */
    unsigned workers;     /* at most OBJECT_SHARES_MAX */
    /*
     * Called once for each node, by several threads, each with a visitor of its own. `node` is a copy. False: it is no
     * entry; counts as torn, and what is below is left out.
     */
    bool (*visit)(void *visitor, address_t at, const unsigned char *node);
    void *visitors;       /* `workers` of them, visitor_bytes apart */
    size_t visitor_bytes;
};

struct shared_tree_count {
    uint64_t nodes, torn;
    unsigned height;      /* nodes on the longest way from the root */
};

/* Waits for all its threads. */
struct error *shared_tree_walk(const struct shared_tree *tree, struct shared_tree_count *count);

#endif
