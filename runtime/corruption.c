/*
 * corruption.c: says what was seen and who may have done it, and ends the process.
 *
 * Owns the words. Lua itself passes each block back once and with its size, so the suspects are C code that takes
 * the allocator from lua_getallocf, C code that writes where it should not, and respire.
 */
#include "corruption.h"

#include "event_log.h"

#include <stdio.h>
#include <stdlib.h>

void corruption_found(const char *what, const void *address, size_t bytes)
{
    char sentence[512];
    snprintf(sentence, sizeof(sentence),
             "memory is corrupt, the program ends: %s at %p, %zu bytes. Look at C modules (also through ffi) that use "
             "the allocator of lua_getallocf or write past what is theirs; if there are none, report this line",
             what, address, bytes);
    event_log_complain(sentence);
    abort();
}
