/*
 * live_pages.h: how many pages hold at least a byte of a live block, whatever the allocator is.
 *
 * It is told by the calls of lua_Alloc alone, which carry the size of every block that goes. No allocator that leaves
 * blocks where they are can have fewer pages resident than these.
 */
#ifndef RESPIRE_BENCH_LIVE_PAGES_H
#define RESPIRE_BENCH_LIVE_PAGES_H

#include <lua.h>
#include <stddef.h>

/* Puts itself between a state and its allocator. To be called right after the state was made: the few blocks that are
 * older (the state itself and its table of strings) are not counted, which makes a handful of pages. One state only. */
void live_pages_watch(lua_State *lua);

size_t live_pages_bytes(void);

#endif
