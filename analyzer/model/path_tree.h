/*
 * Memory by the way on which it is reached: a tree of named steps in which every live byte lies exactly once. Steps
 * that differ only by an index, or by a key among many, are one step "[*]"; a list's chain of equal steps is one step.
 */
#ifndef RESPIRE_MODEL_PATH_TREE_H
#define RESPIRE_MODEL_PATH_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { PATH_TREE_DEPTH_MAX = 64 }; /* what lies deeper is counted at its ancestor of this depth */

#define PATH_NODE_NONE UINT32_MAX

struct path_node {
    uint32_t parent, first_child, next_sibling; /* PATH_NODE_NONE: none */
    uint32_t name;                              /* offset into texts */
    uint64_t objects, bytes;                    /* of the objects that lie just here */
    uint64_t total_objects, total_bytes;        /* and of all below; valid once path_tree_sum() was called */
};

struct path_tree {
    struct path_node *nodes; /* a parent stands before its children; 0 is the root: "all" */
    size_t count, capacity;
    char *texts;
    size_t text_bytes, text_capacity;
};

/* Release with path_tree_free(). On failure `tree` is untouched. */
struct error *path_tree_begin(struct path_tree *tree, const char *root_name);

/* A new child; `name` is copied. Its index is told in `node`. Siblings have no order before path_tree_sum(). */
struct error *path_tree_add(struct path_tree *tree, uint32_t parent, const char *name, uint32_t *node);

/* Fill the totals and put the children of each node in order: most bytes first, of equals the one added first. */
void path_tree_sum(struct path_tree *tree);

const char *path_tree_name(const struct path_tree *tree, uint32_t node);

void path_tree_free(struct path_tree *tree);

#endif
