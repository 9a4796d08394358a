/*
 * Objects by what a programmer calls their kind: cdata by C type, userdata by metatable, protos and traces by file,
 * coroutines by the line where they wait; and what is garbage by type, and by the line that made it.
 */
#ifndef RESPIRE_ANALYZE_OBJECT_GROUPS_H
#define RESPIRE_ANALYZE_OBJECT_GROUPS_H

#include "analyze/object_path.h"
#include "model/lua_holders.h"

/*
 * Fill cdata_types, cdata_finalized, userdata_types, proto_files, trace_files and coroutine_lines, of live objects.
 * Each has at most `limit` rows and one of the others.
 */
struct error *object_groups_find(const struct object_paths *paths, size_t limit, struct lua_holders *holders);

/* Fill garbage_types and garbage_functions with what a full collection would free now. */
struct error *object_groups_find_garbage(const struct object_paths *paths, size_t limit, struct lua_holders *holders);

#endif
