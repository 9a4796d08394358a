/* A step of a tree of references as a path: as object_path.h writes the path of one object. */
#ifndef RESPIRE_ANALYZE_STEP_PATH_H
#define RESPIRE_ANALYZE_STEP_PATH_H

#include "analyze/object_path.h"
#include "model/path_tree.h"

/*
 * "package.loaded.session.store[*]", "upvalue cache of handler (app/router.lua:42)[*]". It begins anew at the last
 * upvalue or coroutine on the way. Always fills `path`; the root's is empty.
 */
void step_path(const struct path_tree *tree, uint32_t step, char path[OBJECT_PATH_BYTES]);

#endif
