/*
 * What Lua keeps for others: the bytes of userdata and cdata. Nowhere else can there be a pointer out of Lua's memory,
 * but there is much that looks like one: four stale bytes beside a number, as the hash of an upvalue, make one, and
 * what the allocator has free is full of them.
 */
#ifndef RESPIRE_WALK_LUA_PAYLOADS_H
#define RESPIRE_WALK_LUA_PAYLOADS_H

#include "base/address.h"
#include "base/error.h"
#include "target/capture.h"

typedef struct error *(*lua_payload_visitor)(void *context, struct address_range payload);

/*
 * Every payload of the state whose main thread is there, dead ones too until they are collected. Of a state that
 * contradicts itself, those that were met before it did. An error is the visitor's, or want of memory.
 */
struct error *lua_payloads_visit(const struct capture *capture, address_t thread, lua_payload_visitor visit,
    void *context);

#endif
