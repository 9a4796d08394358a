/*
 * The ELF files of the target: which mappings belong to which, and where each one's zero-initialised data (.bss) ends.
 *
 * A .bss mapping is anonymous, and the kernel merges it with whatever anonymous memory follows; only the
 * program headers say where the module ends.
 */
#ifndef RESPIRE_SYMBOLS_ELF_MODULES_H
#define RESPIRE_SYMBOLS_ELF_MODULES_H

#include <stdbool.h>

#include "target/target.h"

struct elf_module {
    char *path;                 /* as mapped; owned */
    address_t start;            /* its first mapping */
    struct address_range bss;   /* behind the last file-backed byte; empty when there is none */
};

struct elf_modules {
    struct elf_module *items; /* address order of start */
    size_t count, capacity;
};

/* Reads the program headers of every file that is mapped executable. Files that can't be read are left out. */
struct error *elf_modules_load(const struct target *target, const struct mappings *mappings,
    struct elf_modules *modules);

void elf_modules_free(struct elf_modules *modules);

/* The module that is loaded around `at`, its .bss included, or NULL. */
const struct elf_module *elf_modules_at(const struct elf_modules *modules, const struct mappings *mappings,
    address_t at);

/* The module that `mapping` is a file mapping of, or NULL. */
const struct elf_module *elf_modules_of(const struct elf_modules *modules, const struct mapping *mapping);

#endif
