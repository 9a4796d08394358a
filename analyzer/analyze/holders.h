/* Who holds the memory of a Lua state: each analysis of its object graph, in the order in which one needs another. */
#ifndef RESPIRE_ANALYZE_HOLDERS_H
#define RESPIRE_ANALYZE_HOLDERS_H

#include "model/lua_holders.h"
#include "model/lua_state.h"

/* What is wanted: the less, the sooner done. */
enum holders_part {
    HOLDERS_GARBAGE = 1 << 0,    /* live, garbage and awaited are told whatever is wanted; this adds garbage by name */
    HOLDERS_TABLES = 1 << 1,
    HOLDERS_REFERENCES = 1 << 2,
    HOLDERS_STRINGS = 1 << 3,
    HOLDERS_GROUPS = 1 << 4,     /* cdata, userdata, protos, traces, coroutines */
    HOLDERS_PINS = 1 << 5,
    HOLDERS_ALL = (1 << 6) - 1,
};

struct holders_options {
    unsigned parts;
    size_t top; /* rows of each list */
};

/* `state` has a graph. On failure `holders` is untouched; otherwise release it with lua_holders_free(). */
struct error *holders_find(const struct lua_state *state, const struct holders_options *options,
    struct lua_holders *holders);

#endif
