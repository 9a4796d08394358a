#include "render/folded.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "render/text.h"

/* A step's name without what separates steps and lines. */
static void print_name(const char *name)
{
    const char *text = NAME(name);
    for (; *text; text++)
        putchar(*text == ';' ? ':' : *text);
}

static void print_stack(const struct path_tree *tree, uint32_t node)
{
    uint32_t steps[PATH_TREE_DEPTH_MAX + 1];
    size_t depth = 0;
    for (; node != PATH_NODE_NONE && depth <= PATH_TREE_DEPTH_MAX; node = tree->nodes[node].parent)
        steps[depth++] = node;
    while (depth--) {
        print_name(path_tree_name(tree, steps[depth]));
        if (depth)
            putchar(';');
    }
}

struct error *folded_print(const struct lua_report *report)
{
    for (size_t i = 0; i < report->process->state_count; i++) {
        const struct path_tree *tree = &report->holders[i].references;
        for (uint32_t node = 0; node < tree->count; node++) {
            if (tree->nodes[node].bytes == 0)
                continue;
            if (report->process->state_count > 1)
                printf("state 0x%" PRIx64 ";", report->process->states[i].address.value);
            print_stack(tree, node);
            printf(" %" PRIu64 "\n", tree->nodes[node].bytes);
        }
    }
    if (fflush(stdout) || ferror(stdout))
        return error_errno(ERROR_FAILED, errno, "cannot write to standard output");
    return NULL;
}
