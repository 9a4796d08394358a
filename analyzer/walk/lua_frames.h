/*
 * The frames on the stack of a Lua thread, innermost first: which function, which slots, and where it goes on. Of a
 * thread that runs, the innermost may be out of date; whatever lies there, the walk ends.
 */
#ifndef RESPIRE_WALK_LUA_FRAMES_H
#define RESPIRE_WALK_LUA_FRAMES_H

#include "walk/lua_text.h"

/* Slots are counted from the stack's bottom. */
struct lua_frame {
    address_t function;
    uint32_t base, end;       /* its slots: base to end - 1 */
    uint32_t variable_values; /* where the values of "..." begin; base when there are none */
    address_t next_instruction; /* where it goes on after a call; null: not known, or no Lua function */
};

struct lua_frames {
    struct lua_reader *reader;
    address_t thread, stack;
    uint32_t bottom;          /* base of a thread that is in no function */
    uint32_t base, end;       /* of the frame that comes next */
    uint32_t slots;
    address_t next_instruction;
};

enum lua_thread_rest {
    LUA_THREAD_NOT_STARTED, /* its function lies in slot `bottom` */
    LUA_THREAD_IN_FUNCTION, /* it waits, or runs, or resumed another */
    LUA_THREAD_ENDED,       /* or is in no function */
};

/* False when the thread contradicts itself or its stack is not in memory. */
bool lua_frames_begin(struct lua_frames *frames, struct lua_reader *reader, address_t thread,
    enum lua_thread_rest *rest);

/* False behind the outermost frame, or when the chain breaks. */
bool lua_frames_next(struct lua_frames *frames, struct lua_frame *frame);

/* A slot's value, or what a broken thread has there. */
bool lua_frames_slot(const struct lua_frames *frames, uint32_t slot, uint64_t *value);

#endif
