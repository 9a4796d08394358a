#include "target/process_family.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/array.h"
#include "base/clock.h"
#include "target/proc_text.h"
#include "target/target.h"
#include "target/threads.h"

enum { MEMBERS_MAX = 4096, GENERATIONS_MAX = 64, NAME_BYTES = 64, PATH_BYTES = 64, STATUS_BYTES = 1024 };

/* What to add to times since boot, as the kernel tells starts, for times since 1970. */
static uint64_t boot_ms(void)
{
    struct timespec now, since_boot;
    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_BOOTTIME, &since_boot);
    return milliseconds(now) - milliseconds(since_boot);
}

static void read_title(pid_t pid, char title[PROCESS_TITLE_BYTES])
{
    char path[PATH_BYTES];
    struct proc_text text = {0};
    snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
    size_t bytes = proc_text_read_path(path, &text) == 0 ? text.count : 0;
    if (bytes >= PROCESS_TITLE_BYTES)
        bytes = PROCESS_TITLE_BYTES - 1;
    for (size_t i = 0; i < bytes; i++)
        title[i] = isgraph((unsigned char)text.bytes[i]) ? text.bytes[i] : ' ';
    title[bytes] = '\0';
    proc_text_free(&text);
}

/* False when it has ended. */
static bool read_member(pid_t pid, struct family_member *member)
{
    char text[STATUS_BYTES];
    int parent;
    unsigned long long start_ticks;
    const char *after_name = thread_file(pid, pid, "stat", text, sizeof(text)) ? strrchr(text, ')') : NULL;
    if (!after_name
        || sscanf(after_name, ") %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
               &parent, &start_ticks) != 2)
        return false;
    *member = (struct family_member){.pid = pid, .parent = parent};
    member->started_ms = boot_ms() + start_ticks * 1000 / (unsigned long long)sysconf(_SC_CLK_TCK);
    read_title(pid, member->title);
    return true;
}

static bool has_name(pid_t pid, const char *name)
{
    char other[NAME_BYTES];
    process_name(pid, other, sizeof(other));
    return strcmp(name, other) == 0;
}

/* The oldest ancestor that bears the name. */
static pid_t find_eldest(pid_t pid, const char *name)
{
    struct family_member member;
    for (unsigned up = 0; up < GENERATIONS_MAX; up++) {
        if (!read_member(pid, &member) || member.parent <= 0 || !has_name(member.parent, name))
            break;
        pid = member.parent;
    }
    return pid;
}

static struct error *add_member(pid_t pid, struct process_family *family)
{
    struct family_member member;
    if (!read_member(pid, &member))
        return NULL;
    struct family_member *added = ARRAY_ADD(family);
    if (!added)
        return error_no_memory();
    *added = member;
    return NULL;
}

/* Masters have one thread, which has started all children. */
static struct error *add_children(pid_t pid, const char *name, struct process_family *family)
{
    char path[PATH_BYTES];
    struct proc_text text = {0};
    struct error *error = NULL;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
    if (proc_text_read_path(path, &text) != 0)
        text.count = 0;
    char *at = text.bytes;
    while (text.count && *at && family->count < MEMBERS_MAX && !error) {
        pid_t child = (pid_t)strtol(at, &at, 10);
        at += strspn(at, " ");
        if (child <= 0)
            break;
        if (has_name(child, name) && !process_family_member(family, child))
            error = add_member(child, family);
    }
    proc_text_free(&text);
    return error;
}

struct error *process_family_find(pid_t pid, struct process_family *family)
{
    char name[NAME_BYTES];
    *family = (struct process_family){0};
    process_name(pid, name, sizeof(name));
    struct error *error = add_member(find_eldest(pid, name), family);
    for (size_t i = 0; i < family->count && !error; i++)
        error = add_children(family->items[i].pid, name, family);
    return error;
}

void process_family_free(struct process_family *family)
{
    ARRAY_FREE(family);
}

const struct family_member *process_family_member(const struct process_family *family, pid_t pid)
{
    for (size_t i = 0; i < family->count; i++)
        if (family->items[i].pid == pid)
            return &family->items[i];
    return NULL;
}

struct error *process_mappings(pid_t pid, struct mappings *mappings)
{
    char path[PATH_BYTES];
    struct proc_text text = {0};
    struct error *error = NULL;
    *mappings = (struct mappings){0};
    snprintf(path, sizeof(path), "/proc/%d/maps", pid);
    if (proc_text_read_path(path, &text) == 0)
        error = mappings_parse(text.bytes, text.count, mappings);
    proc_text_free(&text);
    if (error)
        mappings_free(mappings);
    return error;
}
