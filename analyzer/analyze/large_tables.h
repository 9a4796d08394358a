/* The largest live tables: by records, by their own bytes and by what they retain. */
#ifndef RESPIRE_ANALYZE_LARGE_TABLES_H
#define RESPIRE_ANALYZE_LARGE_TABLES_H

#include "analyze/dominators.h"
#include "analyze/object_path.h"
#include "model/lua_holders.h"

/* Up to `top` tables by each of the three, each table once, those first that retain most. */
struct error *large_tables_find(const struct object_paths *paths, const struct dominators *dominators, size_t top,
    struct table_rows *rows);

#endif
