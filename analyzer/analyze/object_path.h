/*
 * The way to an object, as a Lua programmer would write it:
 *
 *     package.loaded["my.cache"].items            _G.sessions[17].user
 *     upvalue cache of handler (app/router.lua:42).items
 *     coroutine at app/job.lua:17, local rows[3]  registry[...].handlers
 *     metatable of string.__index                 waits for its finalizer
 *     (metatable of _G.object).methods            environment of run (app/sandbox.lua:61).settings
 *     _G.by_point[key: cdata struct point]        key of _G.visited
 *
 * Keys that are not like identifiers are ["..."], those that are neither string nor positive integer [?]. A path begins
 * anew at the last Lua function or coroutine on the way. Of a chain of more than 65536 references its root is not told.
 */
#ifndef RESPIRE_ANALYZE_OBJECT_PATH_H
#define RESPIRE_ANALYZE_OBJECT_PATH_H

#include "analyze/reach.h"
#include "model/object_names.h"

enum { OBJECT_PATH_BYTES = 512 }; /* with its zero; the middle of a longer one is cut out, as " ... " */

struct object_paths {
    const struct object_graph *graph;
    const struct reach *reach;
    const struct object_names *names;
};

/* The text for a live object; "(unreachable)" for another. Always fills `path`. */
void object_path(const struct object_paths *paths, object_id object, char path[OBJECT_PATH_BYTES]);

/* One step, as it stands in a path: ".items", "[17]", "upvalue cache", "coroutine at app/job.lua:17". */
void object_path_step(const struct object_paths *paths, uint32_t reference, char step[OBJECT_NAME_BYTES]);

#endif
