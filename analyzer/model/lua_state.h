/* One Lua state, understood: no offsets of LuaJIT from here on. All sizes in bytes. */
#ifndef RESPIRE_MODEL_LUA_STATE_H
#define RESPIRE_MODEL_LUA_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "model/checks.h"
#include "model/heap.h"
#include "model/lua_strings.h"
#include "model/lua_type.h"
#include "model/object_graph.h"
#include "model/object_names.h"
#include "model/sparse_pages.h"

struct lua_objects {
    uint64_t count;
    uint64_t bytes; /* with all that the object owns: array and hash parts, stacks, buffers */
};

/* The collector's registers. */
struct lua_collector {
    uint64_t count_bytes; /* what collectgarbage("count") says, times 1024 */
    uint64_t threshold_bytes, estimate_bytes, debt_bytes;
    uint32_t pause, step_multiplier; /* percent */
    const char *phase;
};

/* Machine code areas of the JIT compiler. */
struct lua_code_areas {
    struct address_range *items;
    size_t count, capacity;
};

struct lua_state {
    address_t address;       /* the main thread's lua_State */
    const char *layout;      /* name of the layout that the bytes proved; NULL: none */
    unsigned layout_claims;  /* the first so many claims of that layout, or of the nearest, hold */
    struct lua_collector collector;
    struct lua_objects objects[LUA_TYPES];
    uint64_t global_bytes;   /* GG_State, string table, JIT and ctype tables: not objects, but in count_bytes */
    uint64_t string_table_slots;
    struct heap heap;        /* where it allocates */
    bool taken_over;         /* by the runtime, while it lived */
    struct heap former_heap; /* then: what it has from before; stock or other */
    struct lua_code_areas code_areas;
    struct object_graph *graph; /* NULL unless asked for; owned */
    struct object_names names;  /* of the graph's objects; read from the copy of the process's memory, or a snapshot */
    struct sparse_pages sparse_pages; /* empty unless asked for; of the graph's objects */
    struct lua_strings strings;       /* empty unless asked for */
    struct checks checks;
    bool heap_located;       /* with damage: where its heaps lie is known; all of their pages count as live */
    struct error *damage;    /* why this state could not be understood; its numbers are not to be shown then */
};

void lua_state_release(struct lua_state *state);

#endif
