/* Owns the list of places. A name proves nothing: a file counts when its build id is the one in the core. */
#include "target/core_image.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Regular files only, and looked at before they are opened: opening a device can have effects. */
static int open_regular(const char *path, uint64_t *bytes)
{
    struct stat status;
    if (stat(path, &status) < 0 || !S_ISREG(status.st_mode))
        return -1;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file >= 0 && (fstat(file, &status) < 0 || !S_ISREG(status.st_mode))) {
        close(file);
        file = -1;
    }
    *bytes = (uint64_t)status.st_size;
    return file;
}

static bool is_wanted(int file, const struct build_id *wanted)
{
    unsigned char page[IMAGE_PAGE_BYTES];
    struct build_id found = build_id_of_page(page, image_page_read(file, 0, page, sizeof(page)));
    return found.count == wanted->count && memcmp(found.bytes, wanted->bytes, found.count) == 0;
}

static int open_wanted(const char *path, const struct build_id *wanted, uint64_t *bytes)
{
    int file = open_regular(path, bytes);
    if (file < 0 || is_wanted(file, wanted))
        return file;
    close(file);
    return -1;
}

static int open_beside_core(const struct core_image_places *places, const char *name, const struct build_id *wanted,
    uint64_t *bytes)
{
    char path[PATH_MAX];
    const char *slash = strrchr(places->core_path, '/');
    int directory_bytes = slash ? (int)(slash - places->core_path) + 1 : 0;
    int length = snprintf(path, sizeof(path), "%.*s%s", directory_bytes, places->core_path, name);
    return length > 0 && (size_t)length < sizeof(path) ? open_wanted(path, wanted, bytes) : -1;
}

/* As distributions lay them out: the first byte of the build id names a directory, the others a file. */
static int open_by_build_id(const char *sysroot, const char *directory, const struct build_id *wanted, uint64_t *bytes)
{
    char path[PATH_MAX], digits[2 * BUILD_ID_BYTES_MAX + 1] = "";
    for (size_t i = 1; i < wanted->count; i++)
        snprintf(digits + 2 * (i - 1), 3, "%02x", wanted->bytes[i]);
    int length = snprintf(path, sizeof(path), "%s/%s/%02x/%s", sysroot, directory, wanted->bytes[0], digits);
    return length > 0 && (size_t)length < sizeof(path) ? open_wanted(path, wanted, bytes) : -1;
}

static int open_in_sysroot(const char *sysroot, const char *mapped_path, const struct build_id *wanted,
    uint64_t *bytes)
{
    static const char *const directories[] = {".build-id", "usr/lib/.build-id", "usr/lib/debug/.build-id"};
    char path[PATH_MAX];
    int length = snprintf(path, sizeof(path), "%s%s", sysroot, mapped_path);
    int file = length > 0 && (size_t)length < sizeof(path) ? open_wanted(path, wanted, bytes) : -1;
    for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]) && file < 0; i++)
        file = open_by_build_id(sysroot, directories[i], wanted, bytes);
    return file;
}

int core_image_open(const struct core_image_places *places, const char *mapped_path, const struct build_id *wanted,
    uint64_t *bytes)
{
    if (wanted->count == 0 || mapped_path[0] != '/')
        return -1;
    int file = places->sysroot ? open_in_sysroot(places->sysroot, mapped_path, wanted, bytes) : -1;
    if (file < 0)
        file = open_wanted(mapped_path, wanted, bytes);
    if (file < 0)
        file = open_beside_core(places, strrchr(mapped_path, '/') + 1, wanted, bytes);
    return file;
}
