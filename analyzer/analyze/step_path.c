#include "analyze/step_path.h"

#include <stdio.h>
#include <string.h>

static const char upvalue_word[] = "upvalue ", coroutine_words[] = "coroutine at ";

/* The names from a step up to the root, the step's own first. */
struct way {
    const char *names[PATH_TREE_DEPTH_MAX + 1];
    unsigned count;
};

static struct way way_up(const struct path_tree *tree, uint32_t step)
{
    struct way way = {0};
    for (; step != PATH_NODE_NONE && step != 0 && way.count <= PATH_TREE_DEPTH_MAX; step = tree->nodes[step].parent)
        way.names[way.count++] = path_tree_name(tree, step);
    return way;
}

static void append(char *path, const char *before, const char *text)
{
    size_t length = strlen(path);
    snprintf(path + length, OBJECT_PATH_BYTES - length, "%s%s", before, text);
}

/* "add (app.lua:5)" of ".add (app.lua:5)"; what is held by no name of its own is just "function (app.lua:5)". */
static void append_function(char *path, const char *name)
{
    const char *place = strstr(name, " (");
    if (name[0] == '[' && place) {
        append(path, " of function", place);
        return;
    }
    append(path, " of ", name[0] == '.' ? name + 1 : name);
}

/* Where the path begins: the last upvalue or coroutine on the way, or the root's child. Returns the names left. */
static unsigned begin(const struct way *way, char *path)
{
    for (unsigned i = 0; i + 1 < way->count; i++) {
        const char *coroutine = strstr(way->names[i], coroutine_words);
        if (strncmp(way->names[i], upvalue_word, strlen(upvalue_word)) == 0) {
            append(path, "", way->names[i]);
            append_function(path, way->names[i + 1]);
            return i;
        }
        if (coroutine) {
            append(path, "", coroutine);
            return i;
        }
    }
    return way->count;
}

void step_path(const struct path_tree *tree, uint32_t step, char path[OBJECT_PATH_BYTES])
{
    const struct way way = way_up(tree, step);
    path[0] = 0;
    for (unsigned left = begin(&way, path); left-- > 0;) {
        const char *name = way.names[left];
        bool joined = !path[0] || name[0] == '.' || name[0] == '[';
        append(path, joined ? "" : ", ", name);
    }
}
