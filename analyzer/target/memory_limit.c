/* Files and lines as in cgroups(7), proc(5) and the kernel's Documentation/admin-guide/cgroup-{v1,v2}. */
#include "target/memory_limit.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "target/proc_text.h"

enum { PATH_BYTES = 4096 + 64, FIELD_BYTES = 4096, LEVELS_MAX = 256 };

/* What version 1 says instead of "no limit": the largest number of pages that it can count. */
#define NO_LIMIT (1ull << 62)

struct hierarchy {
    const char *file_system; /* in mountinfo */
    const char *controller;  /* among the mount's options, and in the group's line; "": that line names none */
    const char *limit, *used, *unused_files;
};

static const struct hierarchy hierarchies[] = {
    {"cgroup2", "", "memory.max", "memory.current", "inactive_file"},
    {"cgroup", "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"},
};

/* A mount of one: `root` is the group that it shows at `point`. */
struct group_mount {
    const struct hierarchy *hierarchy;
    char root[FIELD_BYTES], point[FIELD_BYTES];
};

static bool read_file(const char *folder, const char *name, struct proc_text *text)
{
    char path[PATH_BYTES];
    int length = snprintf(path, sizeof(path), "%s/%s", folder, name);
    return length > 0 && (size_t)length < sizeof(path) && proc_text_read_path(path, text) == 0;
}

static uint64_t file_number(const char *folder, const char *name, uint64_t otherwise)
{
    struct proc_text text = {0};
    uint64_t number = otherwise;
    if (read_file(folder, name, &text) && isdigit((unsigned char)text.bytes[0]))
        number = strtoull(text.bytes, NULL, 10);
    proc_text_free(&text);
    return number;
}

static uint64_t unused_file_bytes(const char *folder, const char *name)
{
    struct proc_text text = {0};
    uint64_t bytes = 0;
    if (read_file(folder, "memory.stat", &text)) {
        for (char *c = text.bytes; *c; c++) /* "inactive_file 123": as the fields of other files */
            if (*c == ' ')
                *c = ':';
        if (!proc_text_number(&text, name, &bytes))
            bytes = 0;
    }
    proc_text_free(&text);
    return bytes;
}

static void copy_printable(const char *from, char name[GROUP_NAME_MAX])
{
    snprintf(name, GROUP_NAME_MAX, "%s", *from ? from : "/");
    for (char *c = name; *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
}

/* `group`: the folder's path below the mount point. */
static void add_level(const struct hierarchy *hierarchy, const char *folder, const char *group,
    struct memory_limit *limit)
{
    struct memory_limit level = {.is_limited = true, .limit_bytes = file_number(folder, hierarchy->limit, NO_LIMIT)};
    if (level.limit_bytes >= NO_LIMIT)
        return;
    uint64_t used = file_number(folder, hierarchy->used, 0);
    level.used_bytes = used - size_min(used, unused_file_bytes(folder, hierarchy->unused_files));
    copy_printable(group, level.group);
    if (memory_limit_room(&level) < memory_limit_room(limit))
        *limit = level;
}

/* The group's path as this mount shows it; NULL when it does not. */
static const char *below_mount(const struct group_mount *mount, const char *group)
{
    size_t length = strcmp(mount->root, "/") == 0 ? 0 : strlen(mount->root);
    bool is_inside = strncmp(group, mount->root, length) == 0 && (group[length] == '/' || group[length] == '\0');
    return is_inside && !strstr(group, "/..") ? group + length : NULL;
}

static void add_levels(const struct group_mount *mount, const char *group, struct memory_limit *limit)
{
    char folder[PATH_BYTES];
    const char *below = below_mount(mount, group);
    const size_t root = strlen(mount->point);
    if (!below || snprintf(folder, sizeof(folder), "%s%s", mount->point, below) >= (int)sizeof(folder))
        return;
    for (unsigned level = 0; level < LEVELS_MAX; level++) {
        add_level(mount->hierarchy, folder, folder + root, limit);
        char *end = strrchr(folder + root, '/');
        if (!end)
            return;
        *end = '\0';
    }
}

/* Is `word` one of those in `list`, which ends at `end`? */
static bool names(const char *list, const char *end, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list; at < end; at += strcspn(at, ",") + 1) {
        size_t bytes = size_min(strcspn(at, ","), (uint64_t)(end - at));
        if (bytes == length && strncmp(at, word, length) == 0)
            return true;
    }
    return false;
}

/* "36 35 98:0 ROOT POINT options optional - TYPE source OPTIONS" */
static bool parse_mount(const char *line, struct group_mount *mount)
{
    char type[16], options[FIELD_BYTES];
    const char *rest = strstr(line, " - ");
    if (!rest || rest > line + strcspn(line, "\n")
        || sscanf(line, "%*s %*s %*s %4095s %4095s", mount->root, mount->point) != 2
        || sscanf(rest, " - %15s %*s %4095s", type, options) != 2)
        return false;
    for (size_t i = 0; i < sizeof(hierarchies) / sizeof(hierarchies[0]); i++) {
        mount->hierarchy = &hierarchies[i];
        if (strcmp(type, hierarchies[i].file_system) == 0
            && (!*hierarchies[i].controller || names(options, strchr(options, '\0'), hierarchies[i].controller)))
            return true;
    }
    return false;
}

static const char *next_line(const char *line)
{
    line += strcspn(line, "\n");
    return line + (*line == '\n');
}

/* "NUMBER:controllers:PATH": the process's group in the mount's hierarchy. */
static bool group_in(const struct group_mount *mount, const char *groups, char group[FIELD_BYTES])
{
    for (const char *line = groups; *line; line = next_line(line)) {
        const char *end = line + strcspn(line, "\n"), *controllers = memchr(line, ':', (size_t)(end - line));
        const char *path = controllers ? memchr(controllers + 1, ':', (size_t)(end - controllers - 1)) : NULL;
        if (!path)
            continue;
        const char *wanted = mount->hierarchy->controller;
        bool is_it = *wanted ? names(controllers + 1, path, wanted) : path == controllers + 1;
        if (is_it && end - path - 1 < FIELD_BYTES) {
            snprintf(group, FIELD_BYTES, "%.*s", (int)(end - path - 1), path + 1);
            if (strcmp(group, "/") == 0)
                group[0] = '\0';
            return true;
        }
    }
    return false;
}

void memory_limit_find(const char *groups, const char *mounts, struct memory_limit *limit)
{
    struct group_mount mount;
    char group[FIELD_BYTES];
    *limit = (struct memory_limit){0};
    for (const char *line = mounts; *line; line = next_line(line))
        if (parse_mount(line, &mount) && group_in(&mount, groups, group))
            add_levels(&mount, group, limit);
}

void memory_limit_read(pid_t pid, struct memory_limit *limit)
{
    char path[PATH_BYTES];
    struct proc_text groups = {0}, mounts = {0};
    *limit = (struct memory_limit){0};
    snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
    if (proc_text_read_path(path, &groups) == 0 && proc_text_read_path("/proc/self/mountinfo", &mounts) == 0)
        memory_limit_find(groups.bytes, mounts.bytes, limit);
    proc_text_free(&groups);
    proc_text_free(&mounts);
}

uint64_t memory_limit_room(const struct memory_limit *limit)
{
    if (!limit->is_limited)
        return UINT64_MAX;
    return limit->limit_bytes - size_min(limit->used_bytes, limit->limit_bytes);
}
