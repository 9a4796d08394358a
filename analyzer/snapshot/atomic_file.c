#include "snapshot/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OWNER_ALONE = 0600, NAME_ATTEMPTS = 16 };

static const char *remedy_for(int number)
{
    switch (number) {
    case ENOSPC:
    case EDQUOT:
        return "; make room, or name another directory with -o";
    case EACCES:
    case EPERM:
    case EROFS:
        return "; name a directory that you may write to with -o";
    case ENOENT:
        return "; make the directory first";
    default:
        return "";
    }
}

static struct error *failure(const struct atomic_file *file, const char *what, int number)
{
    return error_new(ERROR_FAILED, "%s %s: %s%s", what, file->path, strerror(number), remedy_for(number));
}

/* The directory of the path: what stands before its last slash. */
static void find_directory(struct atomic_file *file)
{
    const char *slash = strrchr(file->path, '/');
    size_t bytes = slash ? (size_t)(slash - file->path) : 0;
    snprintf(file->directory, sizeof(file->directory), "%.*s", slash ? (int)(bytes ? bytes : 1) : 1,
        slash ? file->path : ".");
}

static void choose_name(struct atomic_file *file, unsigned attempt)
{
    snprintf(file->temporary, sizeof(file->temporary), "%.4000s/.respire-%d-%u", file->directory, getpid(), attempt);
}

/* Where a file can't be without a name (an older kernel's overlay, NFS), it begins with a temporary one. */
static int open_named(struct atomic_file *file)
{
    for (unsigned attempt = 0; attempt < NAME_ATTEMPTS; attempt++) {
        choose_name(file, attempt);
        int descriptor = open(file->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, OWNER_ALONE);
        if (descriptor >= 0 || errno != EEXIST)
            return descriptor;
    }
    return -1;
}

/* A rename would put the file in the place of a device or a directory's name. */
static struct error *refuse_others(const struct atomic_file *file)
{
    struct stat status;
    if (lstat(file->path, &status) != 0 || S_ISREG(status.st_mode) || S_ISLNK(status.st_mode))
        return NULL;
    return error_new(ERROR_FAILED, "%s is there and is no regular file; name another with -o", file->path);
}

struct error *atomic_file_begin(const char *path, struct atomic_file *file)
{
    *file = (struct atomic_file){0};
    if (strlen(path) >= sizeof(file->path) - 64)
        return error_new(ERROR_FAILED, "the name of the file to write is too long");
    strcpy(file->path, path);
    find_directory(file);
    struct error *error = refuse_others(file);
    if (error)
        return error;
    file->file = open(file->directory, O_RDWR | O_TMPFILE | O_CLOEXEC, OWNER_ALONE);
    if (file->file < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
        file->file = open_named(file);
    return file->file < 0 ? failure(file, "cannot make", errno) : NULL;
}

/* The name that a file has none of yet; false with errno. */
static bool give_name(const struct atomic_file *file, const char *name)
{
    char open_file[64];
    snprintf(open_file, sizeof(open_file), "/proc/self/fd/%d", file->file);
    return linkat(AT_FDCWD, open_file, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0;
}

/* No call puts a nameless file in another's place: it gets a name beside it first, and is renamed. */
static bool give_temporary_name(struct atomic_file *file)
{
    for (unsigned attempt = 0; attempt < NAME_ATTEMPTS; attempt++) {
        choose_name(file, attempt);
        if (give_name(file, file->temporary))
            return true;
        if (errno != EEXIST)
            break;
    }
    file->temporary[0] = 0;
    return false;
}

static bool give_final_name(struct atomic_file *file)
{
    if (!file->temporary[0]) {
        if (give_name(file, file->path))
            return true;
        if (errno != EEXIST || !give_temporary_name(file))
            return false;
    }
    return rename(file->temporary, file->path) == 0;
}

struct error *atomic_file_keep(struct atomic_file *file)
{
    if (fsync(file->file) != 0 || !give_final_name(file)) {
        struct error *error = failure(file, "cannot write", errno);
        atomic_file_drop(file);
        return error;
    }
    close(file->file);
    return NULL;
}

void atomic_file_drop(struct atomic_file *file)
{
    if (file->temporary[0])
        unlink(file->temporary);
    close(file->file);
}
