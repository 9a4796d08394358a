/*
 * The blocks that one collectable object owns: its own, and those that hang from it (array and hash part, stack,
 * string buffer). These are the sizes that the collector itself counts.
 */
#ifndef RESPIRE_WALK_LUA_BLOCKS_H
#define RESPIRE_WALK_LUA_BLOCKS_H

#include <stdbool.h>

#include "layouts/lua_layout.h"
#include "target/memory_view.h"

struct lua_block {
    address_t at;
    uint64_t bytes;
};

enum { LUA_BLOCKS_MAX = 3 };

struct lua_blocks {
    struct lua_block items[LUA_BLOCKS_MAX];
    unsigned count;
};

struct lua_block_reader {
    struct memory_view view;
    const struct lua_layout *layout;
    address_t main_thread; /* lies inside GG_State: no block of its own */
    address_t c_types;     /* CType table; null when the FFI is not loaded */
    uint32_t c_type_slots;
};

struct lua_block_reader lua_block_reader_make(const struct capture *capture, const struct lua_layout *layout,
    address_t main_thread);

/* False when the object's fields are not in memory or contradict themselves. */
bool lua_object_blocks(struct lua_block_reader *reader, enum lua_tag tag, address_t object, struct lua_blocks *blocks);

#endif
