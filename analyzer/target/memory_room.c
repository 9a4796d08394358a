/* Asks the machine, and each control group that respire is in. */
#include "target/memory_room.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "target/proc_text.h"

enum {
    ROOM_KEPT_BYTES = 32 << 20, /* for the rest of respire and for the target to go on */
    PATH_BYTES = 4096 + 64,
};

static uint64_t file_number(const char *folder, const char *name, uint64_t otherwise)
{
    char path[PATH_BYTES];
    struct proc_text text = {0};
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    uint64_t number = otherwise;
    if (proc_text_read_path(path, &text) == 0 && text.count && text.bytes[0] >= '0' && text.bytes[0] <= '9')
        number = strtoull(text.bytes, NULL, 10);
    proc_text_free(&text);
    return number;
}

static uint64_t machine_room(void)
{
    struct proc_text text = {0};
    uint64_t kilobytes;
    uint64_t room = UINT64_MAX;
    if (proc_text_read_path("/proc/meminfo", &text) == 0 && proc_text_number(&text, "MemAvailable", &kilobytes))
        room = kilobytes * 1024;
    proc_text_free(&text);
    return room;
}

/* What a cgroup may still take; its page cache counts, for the kernel drops that before it kills. */
static uint64_t group_room(const char *folder)
{
    uint64_t limit = file_number(folder, "memory.max", UINT64_MAX);
    if (limit == UINT64_MAX)
        return limit;
    char path[PATH_BYTES];
    struct proc_text text = {0};
    uint64_t cache = 0;
    snprintf(path, sizeof(path), "%s/memory.stat", folder);
    if (proc_text_read_path(path, &text) == 0) {
        for (char *c = text.bytes; c && *c; c++) /* "inactive_file 123": as the fields of other files */
            if (*c == ' ')
                *c = ':';
        proc_text_number(&text, "inactive_file", &cache);
    }
    proc_text_free(&text);
    uint64_t used = file_number(folder, "memory.current", 0);
    return limit + cache > used ? limit + cache - used : 0;
}

/* The least of what the groups of respire may take, from its own up to the root. Version 2 of cgroups only. */
static uint64_t groups_room(void)
{
    struct proc_text text = {0};
    uint64_t room = UINT64_MAX;
    char folder[PATH_BYTES] = "/sys/fs/cgroup";
    size_t root = strlen(folder);
    const char *line = proc_text_read_path("/proc/self/cgroup", &text) == 0 ? strstr(text.bytes, "0::/") : NULL;
    if (line) {
        snprintf(folder + root, sizeof(folder) - root, "%.*s", (int)strcspn(line + 3, "\n"), line + 3);
        for (char *end; strlen(folder) >= root; *end = '\0') {
            room = size_min(room, group_room(folder));
            end = strrchr(folder, '/');
        }
    }
    proc_text_free(&text);
    return room;
}

uint64_t memory_room_bytes(void)
{
    uint64_t room = size_min(machine_room(), groups_room());
    return room > ROOM_KEPT_BYTES ? room - ROOM_KEPT_BYTES : 0;
}

struct error *memory_room_error(uint64_t wanted, const char *purpose)
{
    return error_new(ERROR_FAILED, "%s needs %llu MiB and only %llu MiB can be had here; free some, or run respire"
        " outside the container", purpose, (unsigned long long)(wanted >> 20) + 1,
        (unsigned long long)memory_room_bytes() >> 20);
}

struct error *memory_room_ask(uint64_t wanted, const char *purpose)
{
    return wanted > memory_room_bytes() ? memory_room_error(wanted, purpose) : NULL;
}
