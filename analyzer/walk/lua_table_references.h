/* Tables: what they refer to, and what metatables tell the collector. */
#ifndef RESPIRE_WALK_LUA_TABLE_REFERENCES_H
#define RESPIRE_WALK_LUA_TABLE_REFERENCES_H

#include "walk/lua_reference_reader.h"

/* The facts of a metatable; none for null. */
struct metatable_facts lua_metatable_facts(struct lua_reference_reader *reader, address_t metatable);

/* The value under string key `name` in the hash part of the table; false when there is none. */
bool lua_table_field(struct lua_reference_reader *reader, address_t table, const char *name, uint64_t *value);

/* As lua_references_read() (lua_references.h), for a table. */
bool lua_table_references(struct lua_reference_reader *reader, address_t object, struct lua_object_facts *facts);

#endif
