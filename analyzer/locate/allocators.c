#include "locate/allocators.h"

#include "base/cleanup.h"
#include "symbols/exported_names.h"
#include "symbols/mapped_file.h"

enum { LOADER = ALLOCATORS };

/*
 * Names that nobody else exports. jemalloc: INSTALL.md, --with-jemalloc-prefix. gperftools:
 * src/gperftools/tcmalloc.h.in. mimalloc: include/mimalloc.h. musl: ldso/dynlink.c. glibc: elf/Versions, GLIBC_PRIVATE.
 */
static const struct {
    const char *name;
    unsigned what;
} marks[] = {
    {"_rtld_global", LOADER},
    {"mallctl", ALLOCATOR_JEMALLOC},
    {"je_mallctl", ALLOCATOR_JEMALLOC},
    {"tc_malloc", ALLOCATOR_TCMALLOC},
    {"TCMallocInternalMalloc", ALLOCATOR_TCMALLOC},
    {"mi_malloc", ALLOCATOR_MIMALLOC},
    {"_dl_debug_addr", ALLOCATOR_MUSL},
};

enum { MARKS = sizeof(marks) / sizeof(marks[0]) };

static void look_into(int descriptor, const struct elf_module *module, struct allocator_modules *found)
{
    const char *names[MARKS];
    for (size_t i = 0; i < MARKS; i++)
        names[i] = marks[i].name;
    uint64_t exported = exported_names_find(descriptor, names, MARKS);
    for (size_t i = 0; i < MARKS; i++) {
        const struct elf_module **place = marks[i].what == LOADER ? &found->loader : &found->others[marks[i].what];
        if (exported >> i & 1 && !*place)
            *place = module;
    }
}

void locate_allocators(const struct target *target, const struct mappings *mappings, const struct elf_modules *modules,
    struct allocator_modules *found)
{
    *found = (struct allocator_modules){0};
    for (size_t i = 0; i < modules->count; i++) {
        const struct mapping *mapping = mappings_find(mappings, modules->items[i].start);
        CLEANUP(cleanup_close) int descriptor = mapping ? mapped_file_open(target, mapping) : -1;
        if (descriptor >= 0)
            look_into(descriptor, &modules->items[i], found);
    }
}
