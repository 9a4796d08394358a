/* Which of a few names an ELF file exports (.dynsym): they are there in stripped files too. */
#ifndef RESPIRE_SYMBOLS_EXPORTED_NAMES_H
#define RESPIRE_SYMBOLS_EXPORTED_NAMES_H

#include <stddef.h>
#include <stdint.h>

enum { EXPORTED_NAMES_MAX = 64 };

/* Bit i is set when the open file defines names[i] for others; at most EXPORTED_NAMES_MAX. 0: none, or no ELF file. */
uint64_t exported_names_find(int descriptor, const char *const *names, size_t count);

#endif
