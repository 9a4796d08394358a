#include "cli/runtime_library.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Relative to the folder of the program: a build folder as meson makes it, then an installation. */
static const char *const places[] = {
    "librespire.so",
    "../runtime/librespire.so",
    "../lib/respire/librespire.so",
};

static bool use(const char *candidate, char path[PATH_MAX])
{
    return access(candidate, R_OK) == 0 && realpath(candidate, path);
}

struct error *runtime_library_find(const char *given, char path[PATH_MAX])
{
    if (given) {
        if (use(given, path))
            return NULL;
        return error_new(ERROR_FAILED, "no runtime at %s", given);
    }
    char folder[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", folder, sizeof(folder) - 1);
    if (length > 0) {
        folder[length] = 0;
        char *slash = strrchr(folder, '/');
        if (slash)
            *slash = 0;
        for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
            char candidate[PATH_MAX + 64];
            snprintf(candidate, sizeof(candidate), "%s/%s", folder, places[i]);
            if (use(candidate, path))
                return NULL;
        }
    }
    return error_new(ERROR_FAILED, "librespire.so is not beside this program (%s) nor in ../lib/respire: "
        "build it (make build), or name it with --library FILE", length > 0 ? folder : "?");
}
