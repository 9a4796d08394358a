/*
 * What is live, by path: each object of the tree that reach.h found is counted at one step of a path_tree. Steps that
 * differ by an index, or by a key among many, become "[*]"; what contains its like (lists, trees) comes back to the
 * step where it began.
 */
#ifndef RESPIRE_ANALYZE_REFERENCE_TREE_H
#define RESPIRE_ANALYZE_REFERENCE_TREE_H

#include "analyze/object_path.h"
#include "model/path_tree.h"

enum {
    REFERENCE_TREE_NAMED_KEYS_MAX = 64,     /* a table with more string keys than this is a map: its keys are data */
    REFERENCE_TREE_NODES_MAX = 1 << 20,     /* more steps than this are counted where they branch off */
};

/*
 * `tree` is filled and summed; release it with path_tree_free(). With `steps`, the step of each object is told in it:
 * graph->count of them, PATH_NODE_NONE for what is not live; the caller frees it.
 */
struct error *reference_tree_make(const struct object_paths *paths, struct path_tree *tree, uint32_t **steps);

#endif
