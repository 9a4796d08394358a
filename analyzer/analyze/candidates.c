#include "analyze/candidates.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "symbols/mapped_file.h"
#include "target/target.h"

/* Part of every LuaJIT 2.x, stripped or not: what jit.version returns. */
static const char luajit_mark[] = "LuaJIT 2.";

/* In 64-bit builds without GC64 alone: what lua_newstate prints, since it can't serve a host's allocator. */
static const char narrow_mark[] = "Must use luaL_newstate() for 64 bit target";

/* Larger files are not searched: no program with LuaJIT inside comes near. */
enum { SEARCH_BYTES_MAX = 512 << 20 };

/* What is known of a file, so that a library that 200 processes map is searched once. */
struct marks {
    bool luajit, narrow;
};

struct known_file {
    uint64_t inode;
    uint32_t device_major, device_minor;
    struct marks marks;
};

struct known_files {
    struct known_file *items;
    size_t count, capacity;
};

static struct marks search_file(int descriptor)
{
    struct stat status;
    struct marks marks = {0};
    if (fstat(descriptor, &status) || !S_ISREG(status.st_mode) || status.st_size <= 0
        || status.st_size > SEARCH_BYTES_MAX)
        return marks;
    size_t bytes = (size_t)status.st_size;
    void *text = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (text == MAP_FAILED)
        return marks;
    marks.luajit = memmem(text, bytes, luajit_mark, sizeof(luajit_mark) - 1) != NULL;
    marks.narrow = marks.luajit && memmem(text, bytes, narrow_mark, sizeof(narrow_mark) - 1) != NULL;
    munmap(text, bytes);
    return marks;
}

static struct marks file_marks(const struct target *target, const struct mapping *mapping, struct known_files *known)
{
    for (size_t i = 0; i < known->count; i++) {
        const struct known_file *file = &known->items[i];
        if (file->inode == mapping->inode && file->device_major == mapping->device_major
            && file->device_minor == mapping->device_minor)
            return file->marks;
    }
    CLEANUP(cleanup_close) int descriptor = mapped_file_open(target, mapping);
    struct marks marks = descriptor >= 0 ? search_file(descriptor) : (struct marks){0};
    struct known_file *file = ARRAY_ADD(known);
    if (file)
        *file = (struct known_file){mapping->inode, mapping->device_major, mapping->device_minor, marks};
    return marks;
}

/* An unreadable link is no program's. */
static void read_program_path(pid_t pid, char path[PATH_MAX])
{
    char link[64];
    snprintf(link, sizeof(link), "/proc/%d/exe", pid);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length > 0 ? length : 0] = '\0';
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static struct error *inspect(struct target *target, struct known_files *known, struct candidate *candidate)
{
    struct mappings mappings = {0};
    struct error *error = target_mappings(target, &mappings);
    struct candidate seen = {.pid = target_pid(target)};
    char program[PATH_MAX];
    read_program_path(seen.pid, program);
    for (size_t i = 0; i < mappings.count && !error; i++) {
        const struct mapping *mapping = &mappings.items[i];
        if (!mapping->executable || !mapping_has_file(mapping))
            continue;
        const char *name = base_name(mapping->path);
        seen.has_nginx |= strcmp(name, "nginx") == 0 || strcmp(name, "openresty") == 0;
        seen.has_runtime |= strcmp(name, "librespire.so") == 0;
        struct marks marks = file_marks(target, mapping, known);
        seen.has_luajit |= marks.luajit;
        seen.has_narrow_luajit |= marks.narrow;
        seen.has_luajit_built_in |= marks.luajit && strcmp(mapping->path, program) == 0;
    }
    mappings_free(&mappings);
    if (!error)
        *candidate = seen;
    return error;
}

struct error *candidate_inspect(struct target *target, struct candidate *candidate)
{
    struct known_files known = {0};
    struct error *error = inspect(target, &known, candidate);
    ARRAY_FREE(&known);
    return error;
}

static struct error *add_sizes(struct target *target, struct candidate *candidate)
{
    struct mappings mappings = {0};
    struct error *error = target_mappings_with_sizes(target, &mappings);
    for (size_t i = 0; i < mappings.count && !error; i++) {
        candidate->resident_bytes += mappings.items[i].sizes.resident_bytes;
        candidate->pss_bytes += mappings.items[i].sizes.pss_bytes;
    }
    mappings_free(&mappings);
    return error;
}

/* Processes come and go while we look: one that can't be opened any more is no error. */
static struct error *try_process(pid_t pid, struct known_files *known, struct candidates *candidates)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/maps", pid);
    CLEANUP(cleanup_close) int maps = open(path, O_RDONLY | O_CLOEXEC);
    if (maps < 0) {
        candidates->forbidden += errno == EACCES || errno == EPERM;
        return NULL;
    }
    CLEANUP(target_close_cleanup) struct target *target = NULL;
    struct candidate candidate;
    struct error *error = target_open_process(pid, &target);
    if (!error)
        error = inspect(target, known, &candidate);
    if (!error && (candidate.has_luajit || candidate.has_nginx))
        error = add_sizes(target, &candidate);
    if (error) {
        error_free(error);
        return NULL;
    }
    if (!candidate.has_luajit && !candidate.has_nginx)
        return NULL;
    struct candidate *added = ARRAY_ADD(candidates);
    if (!added)
        return error_no_memory();
    *added = candidate;
    return NULL;
}

struct error *candidates_find(struct candidates *candidates)
{
    CLEANUP(cleanup_closedir) DIR *processes = opendir("/proc");
    if (!processes)
        return error_errno(ERROR_FAILED, errno, "cannot list /proc");
    struct candidates found = {0};
    struct known_files known = {0};
    struct error *error = NULL;
    const struct dirent *entry;
    while (!error && (entry = readdir(processes))) {
        if (isdigit((unsigned char)entry->d_name[0]) && (pid_t)atoi(entry->d_name) != getpid())
            error = try_process((pid_t)atoi(entry->d_name), &known, &found);
    }
    ARRAY_FREE(&known);
    if (error) {
        candidates_free(&found);
        return error;
    }
    *candidates = found;
    return NULL;
}

void candidates_free(struct candidates *candidates)
{
    ARRAY_FREE(candidates);
}
