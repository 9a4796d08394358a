#include "analyze/growth_tree.h"

#include "base/array.h"

/* The step of that name below `parent`; a new one where there is none. */
static struct error *find_step(struct growth_tree *tree, uint32_t parent, const char *name, uint32_t *step)
{
    struct step_key key;
    *step = step_map_find_name(&tree->map, &tree->paths, parent, name, &key);
    if (*step != STEP_MAP_NONE)
        return NULL;
    struct error *error = path_tree_add(&tree->paths, parent, name, step);
    if (error)
        return error;
    return ARRAY_ADD(tree) && step_map_add(&tree->map, key, *step) ? NULL : error_no_memory();
}

static struct error *lay_over(struct growth_tree *tree, const struct moment_tree *from, enum growth_side side)
{
    uint32_t *steps = calloc(from->paths.count, sizeof(*steps));
    struct error *error = steps ? NULL : error_no_memory();
    for (uint32_t i = 0; i < from->paths.count && !error; i++) {
        const struct path_node *node = &from->paths.nodes[i];
        if (i)
            error = find_step(tree, steps[node->parent], path_tree_name(&from->paths, i), &steps[i]);
        if (error)
            break;
        struct growth_step *step = &tree->items[steps[i]];
        step->amounts[side].objects += node->objects;
        step->amounts[side].bytes += node->bytes;
        step->tables[side].tables += from->tables[i].tables;
        step->tables[side].records += from->tables[i].records;
        step->tables[side].bytes += from->tables[i].bytes;
    }
    free(steps);
    return error;
}

struct error *growth_tree_make(const struct moment *before, const struct moment *after, struct growth_tree *tree)
{
    *tree = (struct growth_tree){0};
    struct error *error = path_tree_begin(&tree->paths, "all");
    if (!error && !ARRAY_ADD(tree))
        error = error_no_memory();
    for (size_t i = 0; i < before->tree_count && !error; i++)
        error = lay_over(tree, &before->trees[i], GROWTH_BEFORE);
    for (size_t i = 0; i < after->tree_count && !error; i++)
        error = lay_over(tree, &after->trees[i], GROWTH_AFTER);
    return error;
}

void growth_tree_free(struct growth_tree *tree)
{
    path_tree_free(&tree->paths);
    ARRAY_FREE(tree);
    free(tree->map.slots);
}
