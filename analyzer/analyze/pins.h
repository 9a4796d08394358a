/*
 * Who keeps memory from going back: the live objects on sparse pages, by the path of what holds them. A page counts
 * for the path that has most bytes on it.
 *
 * The path ends at the nearest holder of many: what lies in store[17].user.name is told as an object of `store`.
 * Garbage keeps pages too, until it is collected; so does what the state has for itself.
 */
#ifndef RESPIRE_ANALYZE_PINS_H
#define RESPIRE_ANALYZE_PINS_H

#include "analyze/reference_tree.h"
#include "model/lua_holders.h"
#include "model/sparse_pages.h"

/*
 * `tree` and `steps` are those of reference_tree_make(). Fills `rows` with the `limit` paths that keep most; its totals
 * are of all pages. On failure `rows` is untouched.
 */
struct error *pins_find(const struct object_paths *paths, const struct sparse_pages *pages,
    const struct path_tree *tree, const uint32_t *steps, size_t limit, struct pin_rows *rows);

#endif
