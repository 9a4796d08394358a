/*
 * library.h: loaded objects of the process, the program itself included, as the dynamic loader knows them.
 *
 * Nothing is ever loaded by looking. What was opened must be closed; meanwhile the library can't be unloaded.
 */
#ifndef RESPIRE_RUNTIME_LIBRARY_H
#define RESPIRE_RUNTIME_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

struct link_map;

struct library {
    void *handle; /* NULL: not found */
    struct link_map *map;
};

/* The one that holds this address. */
struct library library_open_at(const void *address);

/* The index-th one in the order of loading, 0 the program. False: there are fewer. `library` may still be not found. */
bool library_open_nth(size_t index, struct library *library);

void library_close(struct library library);

/* The symbol if this very library defines it, rather than one that it depends on; else NULL. */
void *library_own_symbol(struct library library, const char *name);

/* True: this library is respire: this copy of it or another. */
bool library_is_respire(struct library library);

/* What the copy of respire that holds this address calls `name`. NULL: no copy holds it. */
void *library_respire_symbol(const void *address, const char *name);

#endif
