#include "model/lua_state.h"

#include <stdlib.h>

void lua_state_release(struct lua_state *state)
{
    heap_release(&state->heap);
    heap_release(&state->former_heap);
    free(state->code_areas.items);
    if (state->graph)
        object_graph_free(state->graph);
    free(state->graph);
    object_names_release(&state->names);
    sparse_pages_free(&state->sparse_pages);
    lua_strings_free(&state->strings);
    error_free(state->damage);
    *state = (struct lua_state){0};
}

const char *lua_type_name(enum lua_type type)
{
    static const char *const names[LUA_TYPES] = {
        [LUA_TYPE_STRING] = "string",
        [LUA_TYPE_UPVALUE] = "upvalue",
        [LUA_TYPE_THREAD] = "thread",
        [LUA_TYPE_PROTO] = "proto",
        [LUA_TYPE_FUNCTION] = "function",
        [LUA_TYPE_TRACE] = "trace",
        [LUA_TYPE_CDATA] = "cdata",
        [LUA_TYPE_TABLE] = "table",
        [LUA_TYPE_USERDATA] = "userdata",
    };
    return names[type];
}
