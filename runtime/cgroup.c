/*
 * cgroup.c: finds and reads a control group's files (Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst).
 *
 * Owns the way from /proc/self to the directory: `cgroup` names the group, `mountinfo` says where its hierarchy is
 * mounted, and which group lies at the mount point, whose name is then left out. A limit of any group above holds, too,
 * as far as it can be seen from here.
 *
 * No stream and no malloc: a thread of ours that allocates would get an arena of glibc's own.
 */
#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEVELS_MAX 32
#define NO_LIMIT UINT64_MAX

/* Version 1 has a huge number where there is no limit. */
#define LIMIT_MAX ((uint64_t)1 << 60)

struct lines {
    int descriptor;
    size_t start;
    size_t end;
    bool skipping; /* the rest of a line that is too long */
    char bytes[8192];
};

static bool lines_open(struct lines *lines, const char *directory, const char *name)
{
    char path[PATH_MAX];
    lines->start = lines->end = 0;
    lines->skipping = false;
    if ((size_t)snprintf(path, sizeof(path), "%s/%s", directory, name) >= sizeof(path))
        return false;
    lines->descriptor = open(path, O_RDONLY | O_CLOEXEC);
    return lines->descriptor >= 0;
}

static bool fill(struct lines *lines)
{
    memmove(lines->bytes, lines->bytes + lines->start, lines->end - lines->start);
    lines->end -= lines->start;
    lines->start = 0;
    if (lines->end == sizeof(lines->bytes) - 1) {
        lines->end = 0;
        lines->skipping = true;
    }
    ssize_t bytes;
    do {
        bytes = read(lines->descriptor, lines->bytes + lines->end, sizeof(lines->bytes) - 1 - lines->end);
    } while (bytes < 0 && errno == EINTR);
    if (bytes > 0)
        lines->end += (size_t)bytes;
    return bytes > 0;
}

/* The next line without its newline, until the one after it is asked for. NULL: the end. */
static char *next_line(struct lines *lines)
{
    for (;;) {
        char *line = lines->bytes + lines->start;
        char *newline = memchr(line, '\n', lines->end - lines->start);
        if (!newline) {
            if (fill(lines))
                continue;
            return NULL;
        }
        *newline = '\0';
        lines->start = (size_t)(newline + 1 - lines->bytes);
        if (!lines->skipping)
            return line;
        lines->skipping = false;
    }
}

/* The number behind `name` and a space, or of a line of its own where `name` is "". False: there is none. */
static bool read_number(const char *directory, const char *file, const char *name, uint64_t *number)
{
    struct lines lines;
    bool found = false;
    if (!lines_open(&lines, directory, file))
        return false;
    for (char *line = next_line(&lines); line && !found; line = next_line(&lines)) {
        size_t bytes = strlen(name);
        if (strncmp(line, name, bytes) != 0)
            continue;
        char *end;
        *number = strtoull(line + bytes, &end, 10);
        found = end != line + bytes;
    }
    close(lines.descriptor);
    return found;
}

/* Cut the next field off a line. */
static char *next_field(char **rest, char separator)
{
    char *field = *rest;
    char *end = field ? strchr(field, separator) : NULL;
    *rest = end ? end + 1 : NULL;
    if (end)
        *end = '\0';
    return field;
}

static bool has_word(const char *list, const char *word)
{
    size_t bytes = strlen(word);
    for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        if (strncmp(at, word, bytes) == 0 && (at[bytes] == ',' || at[bytes] == '\0'))
            return true;
    }
    return false;
}

/* The group's name in the hierarchy with this controller; "": version 2's. */
static bool find_name(const char *process, const char *controller, char *name)
{
    struct lines lines;
    bool found = false;
    if (!lines_open(&lines, process, "cgroup"))
        return false;
    for (char *line = next_line(&lines); line && !found; line = next_line(&lines)) {
        char *rest = line;
        const char *number = next_field(&rest, ':');
        const char *controllers = next_field(&rest, ':');
        if (!rest)
            continue;
        found = controller[0] == '\0' ? strcmp(number, "0") == 0 && controllers[0] == '\0'
                                      : has_word(controllers, controller);
        if (found)
            snprintf(name, PATH_MAX, "%s", rest);
    }
    close(lines.descriptor);
    return found;
}

/* mountinfo writes spaces, tabs, newlines and backslashes as \ooo. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        if (from[0] == '\\' && from[1] != '\0' && from[2] != '\0' && from[3] != '\0') {
            *to++ = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
            from += 3;
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
}

/* `name` as seen from the group `root`, which lies at the mount point. NULL: it isn't inside. */
static const char *name_below(const char *name, const char *root)
{
    size_t bytes = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if (strncmp(name, root, bytes) != 0 || (name[bytes] != '/' && name[bytes] != '\0') || strstr(name, "/.."))
        return NULL;
    return strcmp(name + bytes, "/") == 0 ? "" : name + bytes;
}

/* One line of mountinfo: proc_pid_mountinfo(5). False: this is not where the group is. */
static bool match_mount(char *line, const char *controller, const char *name, struct cgroup_directory *directory)
{
    char *tail = strstr(line, " - ");
    if (!tail)
        return false;
    *tail = '\0';
    char *rest = tail + 3;
    const char *type = next_field(&rest, ' ');
    next_field(&rest, ' ');
    const char *options = rest ? rest : "";
    if (strcmp(type, controller[0] == '\0' ? "cgroup2" : "cgroup") != 0
        || (controller[0] != '\0' && !has_word(options, controller)))
        return false;
    rest = line;
    for (int i = 0; i < 3; i++)
        next_field(&rest, ' ');
    char *root = next_field(&rest, ' ');
    char *mount_point = next_field(&rest, ' ');
    if (!root || !mount_point)
        return false;
    unescape(root);
    unescape(mount_point);
    const char *below = name_below(name, root);
    if (!below || (size_t)snprintf(directory->path, PATH_MAX, "%s%s", mount_point, below) >= PATH_MAX)
        return false;
    directory->mount_bytes = strlen(mount_point);
    return true;
}

static void find_directory(const char *process, const char *controller, struct cgroup_directory *directory)
{
    char name[PATH_MAX];
    struct lines lines;
    directory->mount_bytes = 0;
    if (!find_name(process, controller, name) || !lines_open(&lines, process, "mountinfo"))
        return;
    for (char *line = next_line(&lines); line; line = next_line(&lines)) {
        if (match_mount(line, controller, name, directory))
            break;
    }
    close(lines.descriptor);
}

void cgroup_find(struct cgroup *cgroup, const char *process)
{
    struct cgroup_directory version_1;
    find_directory(process, "", &cgroup->unified);
    find_directory(process, "memory", &version_1);
    cgroup->is_version_1 = version_1.mount_bytes > 0;
    cgroup->memory = cgroup->is_version_1 ? version_1 : cgroup->unified;
}

static uint64_t read_limit(const char *directory, const char *file)
{
    uint64_t bytes;
    /* "max" is no number. */
    return read_number(directory, file, "", &bytes) && bytes < LIMIT_MAX ? bytes : NO_LIMIT;
}

static enum cgroup_use use_of_level(const char *directory, bool is_version_1, uint64_t percent)
{
    uint64_t limit = read_limit(directory, is_version_1 ? "memory.limit_in_bytes" : "memory.max");
    uint64_t soft_limit = is_version_1 ? NO_LIMIT : read_limit(directory, "memory.high");
    uint64_t used;
    uint64_t idle_cache = 0;
    if (soft_limit < limit)
        limit = soft_limit;
    if (limit == NO_LIMIT
        || !read_number(directory, is_version_1 ? "memory.usage_in_bytes" : "memory.current", "", &used))
        return CGROUP_WITHOUT_LIMIT;
    uint64_t goal = limit / 100 * percent;
    /* memory.stat costs the kernel a walk, so it is asked last. */
    if (used < goal)
        return CGROUP_BELOW;
    read_number(directory, "memory.stat", is_version_1 ? "total_inactive_file " : "inactive_file ", &idle_cache);
    return used > idle_cache && used - idle_cache >= goal ? CGROUP_ABOVE : CGROUP_BELOW;
}

enum cgroup_use cgroup_use(const struct cgroup *cgroup, uint64_t percent)
{
    char path[PATH_MAX];
    enum cgroup_use highest = CGROUP_WITHOUT_LIMIT;
    if (cgroup->memory.mount_bytes == 0)
        return highest;
    strcpy(path, cgroup->memory.path);
    for (unsigned level = 0; level < LEVELS_MAX; level++) {
        enum cgroup_use use = use_of_level(path, cgroup->is_version_1, percent);
        if (use > highest)
            highest = use;
        char *slash = strrchr(path, '/');
        if (!slash || (size_t)(slash - path) < cgroup->memory.mount_bytes)
            break;
        *slash = '\0';
    }
    return highest;
}

uint64_t cgroup_stall_percent(const struct cgroup *cgroup)
{
    uint64_t percent = 0;
    if (cgroup->unified.mount_bytes > 0)
        read_number(cgroup->unified.path, "memory.pressure", "some avg10=", &percent);
    return percent;
}
