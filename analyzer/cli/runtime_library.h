/* Where the runtime that belongs to this program lies. */
#ifndef RESPIRE_CLI_RUNTIME_LIBRARY_H
#define RESPIRE_CLI_RUNTIME_LIBRARY_H

#include <limits.h>

#include "base/error.h"

/*
 * The absolute path of librespire.so: `given` when not NULL; else beside this program (a build folder), or where it is
 * installed. ERROR_FAILED names the places that were tried.
 */
struct error *runtime_library_find(const char *given, char path[PATH_MAX]);

#endif
