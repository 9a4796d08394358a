/* Who holds the memory of one Lua state, for people: one list an idea, sizes first, names last. */
#ifndef RESPIRE_RENDER_HOLDERS_TEXT_H
#define RESPIRE_RENDER_HOLDERS_TEXT_H

#include "model/lua_holders.h"
#include "model/lua_state.h"

/* The lists that `parts` (enum holders_part) names, and what can be done. Of pins and steps of a path, `top`. */
void holders_text_print(const struct lua_state *state, const struct lua_holders *holders, unsigned parts, size_t top);

/* One line: how much of what the collector counts is garbage. */
void holders_text_garbage_line(const struct lua_state *state, const struct lua_holders *holders);

/*
 * The table that an operator should hear of first: of those that retain half of what is reachable the one deepest
 * down, else the one that retains most; _G and its like only when no other has a tenth. NULL: there is no table.
 */
const struct table_row *holders_first_table(const struct lua_holders *holders);

#endif
