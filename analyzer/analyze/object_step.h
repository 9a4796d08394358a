/* The words of a path, for object_path.c alone: what single objects and references are called. */
#ifndef RESPIRE_ANALYZE_OBJECT_STEP_H
#define RESPIRE_ANALYZE_OBJECT_STEP_H

#include "analyze/object_path.h"

/* Fill `text`, which has `bytes`; what does not fit is cut, with "..." at its end. */
void path_print(char *text, size_t bytes, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A path begins anew at these: Lua functions and their code, coroutines, traces. */
bool path_begins_at(const struct object_graph *graph, object_id object);

/* "handler (app/router.lua:42)", "coroutine at app/job.lua:17", "main thread": of what path_begins_at() names. */
void path_beginning(const struct object_paths *paths, object_id object, char text[OBJECT_PATH_BYTES]);

/* ".items", "[17]", "[\"my.cache\"]", "[key: table]": of a reference to a value of a table. */
void path_key(const struct object_paths *paths, uint32_t label, char text[OBJECT_NAME_BYTES]);

/* "local rows", "temporary": of a reference from a stack slot of `thread`. */
void path_slot(const struct object_paths *paths, object_id thread, uint32_t slot, char text[OBJECT_NAME_BYTES]);

/* "upvalue cache", or "upvalue 2" when it has no name. */
void path_upvalue(const struct object_paths *paths, object_id function, uint32_t upvalue,
    char text[OBJECT_NAME_BYTES]);

/* "metatable", "constant", "_G": of all other kinds, by the kind alone; "" where there is nothing to say. */
const char *path_word(uint32_t label);

#endif
