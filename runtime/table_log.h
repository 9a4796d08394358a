/*
 * table_log.h: the last growths of big Lua tables, in all states of the process, and where in the program they were.
 *
 * A table that grows asks for sizes that hardly anything else has, so the allocator knows it without looking at any
 * table: the array part is 8 * (2^n + 1) bytes long, the hash part 24 * 2^n. A string buffer or cdata of exactly such a
 * size is taken for one; a table that was made with another size (table.new) is not seen until it grows. A growth is
 * noted when it is asked for, even if there turns out to be no memory for it.
 */
#ifndef RESPIRE_RUNTIME_TABLE_LOG_H
#define RESPIRE_RUNTIME_TABLE_LOG_H

#include "heap.h"

#define TABLE_LOG_GROWTHS 256

/* Array parts of so many records are the first above SMALL_BYTES. So nobody looks at smaller objects. */
#define TABLE_LOG_RECORDS_MIN 1024

struct table_growth {
    const char *kind; /* "array" or "hash" */
    uint64_t records; /* that the part has room for now */
    uint64_t bytes;
    uint64_t time_ms; /* CLOCK_REALTIME */
    char where[160];  /* as lua_where; empty: not known */
};

/* A state has been opened on the heap, or is being taken over: find out how its LuaJIT tells where it is. Called
   outside of Lua's allocations; takes some 0.3 ms, once per LuaJIT. */
void table_log_prepare(struct heap *heap);

/* table_log_note's second half. */
void table_log_look(struct heap *heap, size_t bytes) __attribute__((cold));

/* Mutator, without the lock, before it allocates: an object is to have new_bytes instead of old_bytes. */
static inline void table_log_note(struct heap *heap, size_t old_bytes, size_t new_bytes)
{
    if (new_bytes > TABLE_LOG_RECORDS_MIN * 8 && new_bytes > old_bytes)
        table_log_look(heap, new_bytes);
}

/* How many growths were noted so far; they are numbered from 1. */
uint64_t table_log_count(void);

/* False: there is no growth of that number (any more). */
bool table_log_read(uint64_t number, struct table_growth *growth);

/* Around fork: no entry is half written. */
void table_log_lock(void);
void table_log_unlock(void);

#endif
