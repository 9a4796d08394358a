/*
 * lua_where.c: walks the frames of a Lua state in the middle of an allocation.
 *
 * Facts, from LuaJIT's sources (lj_debug.c, vm_x64.dasc):
 *   - lua_getstack and lua_getinfo("Sl") neither allocate nor push nor throw: they follow the frames from L->base and
 *     fill the record, short_src included. Of a Lua function that is the innermost one they read the place where
 *     the interpreter saved its program counter;
 *   - the interpreter saves both L->base and that counter before every call that may allocate, since any of them may
 *     raise an error that names the line;
 *   - compiled code saves neither. jit_base is then the base of the function that it was entered in, or has returned
 *     to, and the frames below are as the interpreter left them. So L->base is set to it for the walk, and the
 *     counter is not looked at;
 *   - a coroutine that has yielded or failed is not the one that allocates, though it may be the last that ran. A
 *     status of its own also marks one that runs an error handler: that is given up.
 */
#include "lua_where.h"

#include <stdio.h>
#include <string.h>

enum { STATUS_RUNNABLE = 0 };

#define FRAMES_MAX 12

/* Of values; LuaJIT's stacks are shorter. */
#define STACK_BYTES_MAX ((intptr_t)65536 * 8)

/* LuaJIT's lua_Debug. */
struct debug_record {
    int event;
    const char *name;
    const char *name_what;
    const char *what;
    const char *source;
    int current_line;
    int upvalues;
    int first_line;
    int last_line;
    char short_source[60];
    int frame;
    char reserve[64];
};

/* What stands for the outer functions that do not fit; room is kept for it. */
#define CUT "..."
#define CUT_BYTES (sizeof(" < " CUT) - 1)

struct text {
    char *start;
    size_t bytes;
    size_t length;
};

/* False: it does not fit, and nothing was added. */
static bool add(struct text *text, const char *piece)
{
    static const char between[] = " < ";
    size_t length = strlen(piece) + (text->length > 0 ? strlen(between) : 0);
    if (text->length + length >= text->bytes)
        return false;
    snprintf(text->start + text->length, text->bytes - text->length, "%s%s", text->length > 0 ? between : "", piece);
    text->length += length;
    return true;
}

static void describe(const struct debug_record *record, bool compiled, char *piece, size_t piece_bytes)
{
    if (record->first_line < 0)
        snprintf(piece, piece_bytes, "%.59s", record->short_source);
    else if (compiled)
        snprintf(piece, piece_bytes, "%.59s:%d-%d", record->short_source, record->first_line, record->last_line);
    else
        snprintf(piece, piece_bytes, "%.59s:%d", record->short_source, record->current_line);
}

static void walk(const struct lua_functions *functions, struct lua_State *thread, bool compiled, struct text *text)
{
    struct debug_record record;
    memset(&record, 0, sizeof(record));
    for (int level = 0; functions->getstack(thread, level, &record) != 0; level++) {
        bool is_compiled = compiled && level == 0;
        char piece[128];
        if (level < FRAMES_MAX) {
            functions->getinfo(thread, is_compiled ? "S" : "Sl", &record);
            describe(&record, is_compiled, piece, sizeof(piece));
        }
        if (level == FRAMES_MAX || !add(text, piece)) {
            text->bytes += CUT_BYTES;
            add(text, CUT);
            return;
        }
    }
}

static void walk_compiled(const struct lua_functions *functions, struct lua_State *thread, uintptr_t compiled_base,
                          ptrdiff_t base_offset, struct text *text)
{
    volatile uintptr_t *base = (volatile uintptr_t *)(void *)((char *)thread + base_offset);
    uintptr_t old_base = *base;
    intptr_t distance = (intptr_t)(compiled_base - old_base);
    if (base_offset == 0 || distance <= -STACK_BYTES_MAX || distance >= STACK_BYTES_MAX)
        return;
    *base = compiled_base;
    walk(functions, thread, true, text);
    *base = old_base;
}

bool lua_where(const struct lua_functions *functions, struct lua_State *state, struct lua_rest_words words, char *text,
               size_t text_bytes)
{
    struct text chain = {text, text_bytes - CUT_BYTES, 0};
    struct lua_State *thread = lua_last_run(state, words);
    uintptr_t compiled_base = lua_compiled_base(state, words);
    text[0] = '\0';
    if (!thread || functions->status(thread) != STATUS_RUNNABLE)
        return false;
    if (compiled_base != 0)
        walk_compiled(functions, thread, compiled_base, words.base_offset, &chain);
    else
        walk(functions, thread, false, &chain);
    return chain.length > 0;
}
