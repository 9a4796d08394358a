#include "render/references_text.h"

#include <stdbool.h>
#include <string.h>

#include "render/text.h"

enum {
    SMALLEST_SHARE = 200, /* of the whole: half a percent */
    INDENT_MAX = 24,      /* steps; deeper ones stand below each other */
};

/* One line of the tree: a step, or several in a row of which each holds hardly more than the next. */
struct line {
    uint32_t last; /* the step whose children come next */
    uint64_t own_bytes;
    char path[NAME_TEXT_BYTES];
};

static bool is_heavy(const struct path_tree *tree, uint32_t node)
{
    return node != PATH_NODE_NONE && tree->nodes[node].total_bytes * SMALLEST_SHARE >= tree->nodes[0].total_bytes;
}

/* The child that holds all of a step, give or take half a percent of the whole; or none. */
static uint32_t only_child(const struct path_tree *tree, uint32_t node)
{
    uint32_t child = tree->nodes[node].first_child;
    if (child == PATH_NODE_NONE)
        return PATH_NODE_NONE;
    uint64_t beside = tree->nodes[node].total_bytes - tree->nodes[child].total_bytes;
    return beside * SMALLEST_SHARE < tree->nodes[0].total_bytes ? child : PATH_NODE_NONE;
}

/* ".items" and "[17]" are written behind what they belong to, all else with a sign between. */
static void append_step(char path[NAME_TEXT_BYTES], const char *step)
{
    const char *sign = !*path || *step == '.' || *step == '[' ? "" : " > ";
    size_t length = strlen(path);
    snprintf(path + length, NAME_TEXT_BYTES - length, "%s%s", sign, step);
}

static struct line line_from(const struct path_tree *tree, uint32_t node)
{
    struct line line = {.last = node};
    for (uint32_t next = node; next != PATH_NODE_NONE; next = node ? only_child(tree, next) : PATH_NODE_NONE) {
        const char *name = NAME(path_tree_name(tree, next));
        if (strlen(line.path) + strlen(name) + sizeof(" > ") > NAME_TEXT_BYTES)
            break;
        append_step(line.path, name);
        line.own_bytes += tree->nodes[next].bytes;
        line.last = next;
    }
    return line;
}

static void print_line(const struct path_tree *tree, uint64_t total_bytes, uint64_t own_bytes, uint64_t objects,
    unsigned depth, const char *path)
{
    unsigned indent = 2 * (depth < INDENT_MAX ? depth : INDENT_MAX);
    printf("  %10s %9s %10s %12s  %*s%s\n", SIZE(total_bytes), SHARE(total_bytes, tree->nodes[0].total_bytes),
        SIZE(own_bytes), COUNT(objects), (int)indent, "", path);
}

static void print_others(const struct path_tree *tree, uint32_t child, unsigned depth)
{
    uint64_t bytes = 0, objects = 0;
    for (; child != PATH_NODE_NONE; child = tree->nodes[child].next_sibling) {
        bytes += tree->nodes[child].total_bytes;
        objects += tree->nodes[child].total_objects;
    }
    if (bytes * SMALLEST_SHARE >= tree->nodes[0].total_bytes && bytes)
        print_line(tree, bytes, bytes, objects, depth, "(others)");
}

static void print_step(const struct path_tree *tree, uint32_t node, unsigned depth, size_t top)
{
    struct line line = line_from(tree, node);
    print_line(tree, tree->nodes[node].total_bytes, line.own_bytes, tree->nodes[node].total_objects, depth, line.path);
    if (depth >= PATH_TREE_DEPTH_MAX)
        return;
    uint32_t child = tree->nodes[line.last].first_child;
    for (size_t shown = 0; is_heavy(tree, child) && shown < top; shown++) {
        print_step(tree, child, depth + 1, top);
        child = tree->nodes[child].next_sibling;
    }
    print_others(tree, child, depth + 1);
}

void references_text_print(const struct path_tree *tree, size_t top)
{
    printf("\n  %10s %9s %10s %12s  %s\n", "bytes", "share", "itself", "objects", "what is reachable, by path");
    if (tree->count)
        print_step(tree, 0, 0, top);
}
