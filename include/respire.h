/*
 * respire.h: what a C host may ask of librespire.so.
 *
 * None of it is needed under LD_PRELOAD: states of luaL_newstate are on a respire heap then. Functions that take a
 * state must be called by the thread that is using it, as any function of Lua's own API; any thread (coroutine) of
 * the state will do. The others may be called by any thread at any time.
 *
 * Errors: a function that fails returns what its comment says, has changed nothing, and leaves one sentence that
 * respire_error() returns. No function prints, raises a Lua error or ends the process for want of memory.
 *
 * Units: all sizes are bytes, all times milliseconds.
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

/*
 * Take over a state that lives: from now on its new blocks come from a respire heap. The blocks that it has stay where
 * they are, and go back to the allocator that made them when Lua frees or moves them; so the earlier this is called,
 * the more of the state breathes. That allocator may be LuaJIT's own or a host's; it is only called for blocks that it
 * made. Close the state with lua_close as ever; the respire heap goes with it.
 *
 * 0: done, or the state was on a respire heap already. -1: this Lua is not LuaJIT or was built without GC64, there is
 * no memory, or its functions can't be found: it is linked into the program without exporting them, or the process has
 * several Luas and the caller is linked with none of them.
 *
 * A host that calls lua_setallocf afterwards must hand every block that is not its own to the function and data
 * that lua_getallocf gave before, the last one included, which lua_close frees.
 */
int respire_attach(struct lua_State *state);

/* held = live + free + meta. Of a state that was taken over, what the old allocator holds is not counted. */
struct respire_stats {
    uint64_t held_bytes;    /* taken from the operating system, resident or not */
    uint64_t live_bytes;    /* in objects that Lua has allocated and not freed, rounded up to 16 */
    uint64_t free_bytes;    /* in blocks and kept mappings, holding nothing; much of it has no page behind it */
    uint64_t meta_bytes;    /* bookkeeping, with the headers of blocks */
    uint64_t blocks;        /* taken as a whole and shared by objects */
    uint64_t large_objects; /* on mappings of their own */
    uint64_t purged_bytes;  /* given back since the state was made or taken over */
    uint64_t purges;        /* system calls that did so */
    uint64_t decay_ms;      /* free pages go back after this long */
    uint64_t reserved[7];   /* 0 */
};

/* 0: `stats` is filled. -1: the state is not on a respire heap of this library. */
int respire_stats(struct lua_State *state, struct respire_stats *stats);

/*
 * Give every free page of the state's heap back now, however short it has been free. Returns the bytes given back,
 * 0 also when the state is not on a respire heap. It does not collect garbage: call lua_gc(L, LUA_GCCOLLECT, 0) before.
 */
size_t respire_trim(struct lua_State *state);

/*
 * Set an option, for all heaps of the process and at once. Names, values and defaults are those of RESPIRE_OPTIONS:
 * librespire(3), or `respire run --help`. 0: done. -1: no such option, not one of its values, or a log file that
 * can't be opened.
 */
int respire_set(const char *name, const char *value);

/* A buffer of this many bytes holds every value. */
#define RESPIRE_VALUE_BYTES 256

/* The value in force, as respire_set would take it. 0: done. -1: no such option, or the buffer is too small. */
int respire_get(const char *name, char *value, size_t value_bytes);

/*
 * Why the last function of this header that failed in this thread has failed: one sentence without a newline, "" before
 * the first failure. It stays until the next failure in this thread.
 */
const char *respire_error(void);

#ifdef __cplusplus
}
#endif

#endif
