/*
 * lua_where.h: where a Lua state is right now, as text, from inside a call of its allocator.
 */
#ifndef RESPIRE_RUNTIME_LUA_WHERE_H
#define RESPIRE_RUNTIME_LUA_WHERE_H

#include "lua_rest.h"

/*
 * The call chain of the coroutine that runs, innermost first: "app.lua:12 < app.lua:40 < [C]". In compiled code the
 * innermost line is not known: the lines of the function from first to last stand there ("app.lua:10-20"), and
 * functions that the compiler has inlined into it are missing. Outer functions that do not fit are "...".
 *
 * Called by the thread that uses the state, `state` is the main lua_State and `words` are known. Only reads; what it
 * sets for the walk is put back. False: nobody runs, or an error handler does, or it can't be told; `text` is then
 * empty.
 */
bool lua_where(const struct lua_functions *functions, struct lua_State *state, struct lua_rest_words words, char *text,
               size_t text_bytes);

#endif
