/*
 * What one ELF file says about names: its symbols, and where its functions start. A stripped file still has the symbols
 * that it exports, and in .eh_frame_hdr the starts of all its functions, since exceptions and debuggers need them.
 *
 * The file is foreign input: every count and offset is held against its size. Addresses are those that it was linked
 * for.
 */
#ifndef RESPIRE_SYMBOLS_ELF_IMAGE_H
#define RESPIRE_SYMBOLS_ELF_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_symbol {
    uint64_t value, bytes;
    const char *name;
    bool is_code; /* else a variable */
};

struct elf_symbols {
    struct elf_symbol *items; /* by value */
    size_t count, capacity;
    char *names; /* what they point into; owned */
};

struct elf_image {
    uint64_t base; /* where its first page is linked to */
    struct elf_symbols local, exported; /* .symtab, .dynsym */
    uint64_t *starts; /* of functions, lowest first; owned */
    size_t start_count;
};

/* Reads the file at `descriptor`. What it does not have, or has damaged, stays empty; false when it is no ELF file. */
bool elf_image_read(int descriptor, uint64_t page_bytes, struct elf_image *image);

void elf_image_free(struct elf_image *image);

/* The symbol of that kind whose bytes hold `value`, or NULL. One without a size holds the byte that it names. */
const struct elf_symbol *elf_image_symbol(const struct elf_image *image, uint64_t value, bool is_code);

/* Where the function that `value` lies in starts, if it lies in any. False: before the first. */
bool elf_image_function_start(const struct elf_image *image, uint64_t value, uint64_t *start);

#endif
