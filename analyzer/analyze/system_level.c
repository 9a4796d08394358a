#include "analyze/system_level.h"

#include <string.h>

static enum system_kind kind_of(const struct mapping *mapping)
{
    if (mapping->shared)
        return SYSTEM_SHARED;
    if (mapping_has_file(mapping))
        return mapping->executable ? SYSTEM_CODE : SYSTEM_FILE;
    if (mapping->path && strncmp(mapping->path, "[stack", 6) == 0)
        return SYSTEM_STACK;
    if (mapping->path && strncmp(mapping->path, "[v", 2) == 0)
        return SYSTEM_CODE; /* vdso, vvar, vsyscall: the kernel's */
    return mapping->executable ? SYSTEM_JIT : SYSTEM_ANON;
}

static void add_sizes(struct memory_map *map, const struct mapping *mapping, enum system_kind kind)
{
    const struct mapping_sizes *sizes = &mapping->sizes;
    /* Pages of a private file mapping that were written to are anonymous memory, whatever their mapping is. */
    uint64_t copied = kind == SYSTEM_FILE || kind == SYSTEM_CODE ? sizes->anonymous_bytes : 0;
    map->system[kind].virtual_bytes -= copied;
    map->system[SYSTEM_ANON].virtual_bytes += copied;
    map->system[kind].resident_bytes += sizes->resident_bytes - copied;
    map->system[SYSTEM_ANON].resident_bytes += copied;
    map->system[kind].pss_bytes += sizes->pss_bytes;
    map->system[kind].swap_bytes += sizes->swap_bytes;
    map->pss_bytes += sizes->pss_bytes;
    map->swap_bytes += sizes->swap_bytes;
}

void system_level_make(const struct capture *capture, struct memory_map *map)
{
    static const char *const names[SYSTEM_KINDS] = {"code", "file", "anon", "stack", "shared", "jit"};
    for (unsigned kind = 0; kind < SYSTEM_KINDS; kind++)
        map->system[kind].name = names[kind];
    map->rss_bytes = capture->resident_bytes;
    for (size_t i = 0; i < capture->mappings.count; i++) {
        const struct mapping *mapping = &capture->mappings.items[i];
        if (!mapping_is_own(mapping))
            continue;
        enum system_kind kind = kind_of(mapping);
        map->system[kind].virtual_bytes += range_bytes(mapping->range);
        map->vsz_bytes += range_bytes(mapping->range);
        if (mapping->has_sizes)
            add_sizes(map, mapping, kind);
    }
}
