#include "symbols/mapped_file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

int mapped_file_open(const struct target *target, const struct mapping *mapping)
{
    char path[PATH_MAX + 64];
    if (target_kind(target) == TARGET_CORE_FILE)
        return open(mapping->path, O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, target_pid(target),
        mapping->range.start.value, mapping->range.end.value);
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor >= 0 || mapping->deleted)
        return descriptor;
    snprintf(path, sizeof(path), "/proc/%d/root%s", target_pid(target), mapping->path);
    return open(path, O_RDONLY | O_CLOEXEC);
}
