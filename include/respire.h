/*
 * respire.h: what a C host may ask of librespire.so.
 *
 * None of it is needed under LD_PRELOAD: states of luaL_newstate are on a respire heap then. All functions
 * must be called by the thread that is using the state, as any function of Lua's own API.
 */
#ifndef RESPIRE_H
#define RESPIRE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lua_State;

/*
 * A new LuaJIT state on a heap of its own, with a panic function that says on stderr what went wrong, as
 * luaL_newstate makes it. Close it with lua_close. NULL: there is no LuaJIT in this process, its values are too
 * narrow (a build without GC64), or there is no memory.
 */
struct lua_State *respire_newstate(void);

/* All sizes are bytes. held = live + free + meta, where meta includes the headers of blocks. */
struct respire_stats {
    uint64_t held_bytes;   /* taken from the operating system, resident or not */
    uint64_t live_bytes;   /* in objects that Lua has allocated and not freed, rounded up to 16 */
    uint64_t free_bytes;   /* in blocks and kept mappings, holding nothing; much of it has no page behind it */
    uint64_t meta_bytes;   /* bookkeeping */
    uint64_t blocks;       /* of 1 MiB */
    uint64_t large_objects; /* on mappings of their own */
    uint64_t purged_bytes; /* given back since the state was made */
    uint64_t purges;       /* system calls that did so */
    uint64_t decay_ms;     /* free pages go back after this long */
};

/* 0: `stats` is filled. -1: the state is not on a respire heap, and `stats` is untouched. */
int respire_stats(struct lua_State *state, struct respire_stats *stats);

/*
 * Give every free page of the state's heap back now, however short it has been free. Returns the bytes given back,
 * 0 also when the state is not on a respire heap. It does not collect garbage: call lua_gc(L, LUA_GCCOLLECT, 0) before.
 */
size_t respire_trim(struct lua_State *state);

#ifdef __cplusplus
}
#endif

#endif
