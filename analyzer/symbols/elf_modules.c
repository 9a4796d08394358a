#include "symbols/elf_modules.h"

#include <gelf.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/size.h"
#include "symbols/mapped_file.h"

static bool has_file(const struct mapping *mapping)
{
    return mapping_has_file(mapping) && !mapping->shared;
}

static bool same_file(const struct mapping *a, const struct mapping *b)
{
    return a->inode == b->inode && a->device_major == b->device_major && a->device_minor == b->device_minor
        && strcmp(a->path, b->path) == 0;
}

/* The first mapping of the run of file mappings around `index` that belong to one load of one file. */
static size_t first_of_module(const struct mappings *mappings, size_t index)
{
    const struct mapping *mapping = &mappings->items[index];
    size_t first = index;
    for (size_t i = index; i-- > 0;) {
        const struct mapping *before = &mappings->items[i];
        if (!has_file(before) || !same_file(before, mapping)
            || before->file_offset > mappings->items[first].file_offset)
            break;
        first = i;
    }
    return first;
}

/* From the program headers: where the last PT_LOAD ends in memory and in the file, relative to the load address. */
static bool read_extent(int descriptor, uint64_t page_bytes, uint64_t *file_end, uint64_t *memory_end)
{
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(descriptor, ELF_C_READ, NULL);
    size_t headers;
    bool found = false;
    if (elf && elf_kind(elf) == ELF_K_ELF && elf_getphdrnum(elf, &headers) == 0) {
        uint64_t base = 0;
        for (size_t i = 0; i < headers; i++) {
            GElf_Phdr header;
            if (!gelf_getphdr(elf, (int)i, &header) || header.p_type != PT_LOAD)
                continue;
            if (!found)
                base = round_down(header.p_vaddr, page_bytes);
            found = true;
            *file_end = header.p_vaddr + header.p_filesz - base;
            *memory_end = header.p_vaddr + header.p_memsz - base;
        }
    }
    elf_end(elf);
    return found;
}

static struct error *add_module(const struct target *target, const struct mappings *mappings, size_t index,
    struct elf_modules *modules)
{
    const struct mapping *first = &mappings->items[first_of_module(mappings, index)];
    if (modules->count && address_equal(modules->items[modules->count - 1].start, first->range.start))
        return NULL;
    CLEANUP(cleanup_close) int descriptor = mapped_file_open(target, first);
    uint64_t page_bytes = target_page_bytes(target), file_end, memory_end;
    if (descriptor < 0 || !read_extent(descriptor, page_bytes, &file_end, &memory_end))
        return NULL;
    char *path = strdup(first->path);
    struct elf_module *module = path ? ARRAY_ADD(modules) : NULL;
    if (!module) {
        free(path);
        return error_no_memory();
    }
    module->path = path;
    module->start = first->range.start;
    module->bss.start = address_add(first->range.start, round_up(file_end, page_bytes));
    module->bss.end = address_add(first->range.start, round_up(size_max(memory_end, file_end), page_bytes));
    return NULL;
}

struct error *elf_modules_load(const struct target *target, const struct mappings *mappings,
    struct elf_modules *modules)
{
    struct elf_modules loaded = {0};
    struct error *error = NULL;
    for (size_t i = 0; i < mappings->count && !error; i++)
        if (mappings->items[i].executable && has_file(&mappings->items[i]))
            error = add_module(target, mappings, i, &loaded);
    if (error) {
        elf_modules_free(&loaded);
        return error;
    }
    *modules = loaded;
    return NULL;
}

void elf_modules_free(struct elf_modules *modules)
{
    for (size_t i = 0; i < modules->count; i++)
        free(modules->items[i].path);
    ARRAY_FREE(modules);
}

const struct elf_module *elf_modules_of(const struct elf_modules *modules, const struct mapping *mapping)
{
    if (!has_file(mapping))
        return NULL;
    for (size_t i = 0; i < modules->count; i++)
        if (strcmp(modules->items[i].path, mapping->path) == 0)
            return &modules->items[i];
    return NULL;
}

const struct elf_module *elf_modules_at(const struct elf_modules *modules, const struct mappings *mappings,
    address_t at)
{
    const struct mapping *mapping = mappings_find(mappings, at);
    const struct elf_module *module = mapping ? elf_modules_of(modules, mapping) : NULL;
    for (size_t i = 0; i < modules->count && !module; i++)
        if (range_holds(modules->items[i].bss, at, 1))
            module = &modules->items[i];
    return module && module->start.value <= at.value ? module : NULL;
}
