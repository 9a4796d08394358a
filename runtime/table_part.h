/*
 * table_part.h: what the size of a block says of Lua's tables.
 *
 * An array part has 8 x (2^n + 1) bytes, a hash part 24 x 2^n (lj_tab.c of every GC64 LuaJIT). Strings and cdata of
 * such a size are rare, and are taken for parts of tables.
 */
#ifndef RESPIRE_RUNTIME_TABLE_PART_H
#define RESPIRE_RUNTIME_TABLE_PART_H

#include <stddef.h>

/* `units` if it is a power of two, else 0. */
static inline size_t table_part_records(size_t units)
{
    return (units & (units - 1)) == 0 ? units : 0;
}

/* How many records an array part of that size holds; 0: it is none. */
static inline size_t table_array_records(size_t bytes)
{
    return bytes % 8 == 0 ? table_part_records(bytes / 8 - 1) : 0;
}

/* The same of a hash part. */
static inline size_t table_hash_records(size_t bytes)
{
    return bytes % 24 == 0 ? table_part_records(bytes / 24) : 0;
}

#endif
