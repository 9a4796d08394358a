#include "model/path_tree.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

enum { TEXT_BYTES_FIRST = 4096 };

static bool reserve_text(struct path_tree *tree, size_t bytes)
{
    size_t wanted = tree->text_capacity ? tree->text_capacity : TEXT_BYTES_FIRST;
    while (wanted - tree->text_bytes < bytes)
        wanted *= 2;
    if (wanted == tree->text_capacity)
        return true;
    char *grown = realloc(tree->texts, wanted);
    if (!grown)
        return false;
    tree->texts = grown;
    tree->text_capacity = wanted;
    return true;
}

static struct error *append(struct path_tree *tree, uint32_t parent, const char *name, uint32_t *node)
{
    size_t bytes = strlen(name) + 1;
    if (tree->count >= PATH_NODE_NONE || bytes > UINT32_MAX - tree->text_bytes)
        return error_new(ERROR_FAILED, "a tree of paths has room for 4 GiB of names and as many steps, not for more");
    if (!reserve_text(tree, bytes)
        || !array_reserve_one((void **)&tree->nodes, &tree->capacity, tree->count, sizeof(*tree->nodes)))
        return error_no_memory();
    *node = (uint32_t)tree->count++;
    tree->nodes[*node] = (struct path_node){
        .parent = parent,
        .first_child = PATH_NODE_NONE,
        .next_sibling = PATH_NODE_NONE,
        .name = (uint32_t)tree->text_bytes,
    };
    memcpy(tree->texts + tree->text_bytes, name, bytes);
    tree->text_bytes += bytes;
    return NULL;
}

struct error *path_tree_begin(struct path_tree *tree, const char *root_name)
{
    struct path_tree begun = {0};
    uint32_t root;
    struct error *error = append(&begun, PATH_NODE_NONE, root_name, &root);
    if (error)
        path_tree_free(&begun);
    else
        *tree = begun;
    return error;
}

struct error *path_tree_add(struct path_tree *tree, uint32_t parent, const char *name, uint32_t *node)
{
    uint32_t added;
    struct error *error = append(tree, parent, name, &added);
    if (error)
        return error;
    tree->nodes[added].next_sibling = tree->nodes[parent].first_child;
    tree->nodes[parent].first_child = added;
    *node = added;
    return NULL;
}

static bool stands_before(const struct path_node *nodes, uint32_t a, uint32_t b)
{
    return nodes[a].total_bytes != nodes[b].total_bytes ? nodes[a].total_bytes > nodes[b].total_bytes : a < b;
}

static uint32_t merge(struct path_node *nodes, uint32_t a, uint32_t b)
{
    uint32_t first = PATH_NODE_NONE, *end = &first;
    while (a != PATH_NODE_NONE && b != PATH_NODE_NONE) {
        uint32_t *taken = stands_before(nodes, a, b) ? &a : &b;
        *end = *taken;
        end = &nodes[*taken].next_sibling;
        *taken = *end;
    }
    *end = a != PATH_NODE_NONE ? a : b;
    return first;
}

/* By merging ever longer runs: runs[i] is empty or has 2^i nodes. In place, because there may be a million siblings. */
static uint32_t sort_siblings(struct path_node *nodes, uint32_t first)
{
    uint32_t runs[32];
    memset(runs, 0xff, sizeof(runs));
    while (first != PATH_NODE_NONE) {
        uint32_t run = first;
        first = nodes[run].next_sibling;
        nodes[run].next_sibling = PATH_NODE_NONE;
        unsigned size = 0;
        for (; runs[size] != PATH_NODE_NONE; size++) {
            run = merge(nodes, runs[size], run);
            runs[size] = PATH_NODE_NONE;
        }
        runs[size] = run;
    }
    uint32_t sorted = PATH_NODE_NONE;
    for (unsigned size = 0; size < 32; size++)
        sorted = merge(nodes, runs[size], sorted);
    return sorted;
}

void path_tree_sum(struct path_tree *tree)
{
    struct path_node *nodes = tree->nodes;
    for (size_t i = 0; i < tree->count; i++) {
        nodes[i].total_objects = nodes[i].objects;
        nodes[i].total_bytes = nodes[i].bytes;
    }
    for (size_t i = tree->count; i-- > 1;) {
        nodes[nodes[i].parent].total_objects += nodes[i].total_objects;
        nodes[nodes[i].parent].total_bytes += nodes[i].total_bytes;
    }
    for (size_t i = 0; i < tree->count; i++)
        nodes[i].first_child = sort_siblings(nodes, nodes[i].first_child);
}

const char *path_tree_name(const struct path_tree *tree, uint32_t node)
{
    return tree->texts + tree->nodes[node].name;
}

void path_tree_free(struct path_tree *tree)
{
    free(tree->nodes);
    free(tree->texts);
    *tree = (struct path_tree){0};
}
