/* A tree of paths for people: indented, the heaviest first, what weighs little left out but counted. */
#ifndef RESPIRE_RENDER_REFERENCES_TEXT_H
#define RESPIRE_RENDER_REFERENCES_TEXT_H

#include <stddef.h>

#include "model/path_tree.h"

/* At most `top` children of each step, and none below half a percent of the whole; the others are one line. */
void references_text_print(const struct path_tree *tree, size_t top);

#endif
