/*
 * Which modules of a process bring a loader or an allocator that respire knows by name: by what they export, so a
 * library under another name, or one linked into a program that exports its symbols (-rdynamic), is found too. Linked
 * in without symbols it can't be told from the program.
 */
#ifndef RESPIRE_LOCATE_ALLOCATORS_H
#define RESPIRE_LOCATE_ALLOCATORS_H

#include "model/allocators.h"
#include "symbols/elf_modules.h"

/* NULL: not in this process. They point into the modules that were searched. */
struct allocator_modules {
    const struct elf_module *loader; /* glibc's ld.so */
    const struct elf_module *others[ALLOCATORS];
};

void locate_allocators(const struct target *target, const struct mappings *mappings, const struct elf_modules *modules,
    struct allocator_modules *found);

#endif
