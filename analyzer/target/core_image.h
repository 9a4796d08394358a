/* Where the program and libraries of a dead process can be found today. Only target/ includes this file. */
#ifndef RESPIRE_TARGET_CORE_IMAGE_H
#define RESPIRE_TARGET_CORE_IMAGE_H

#include <stdint.h>

#include "target/image_page.h"

/* Where to look. */
struct core_image_places {
    const char *core_path;
    const char *sysroot; /* a copy of the file system of the machine that died; NULL: none */
};

/*
 * Open the file that was mapped from `mapped_path`, when one is found whose build id is `wanted`; -1 otherwise. Its
 * size goes to `bytes`. Tried are: the path below the sysroot, the path itself, its name in the core's directory,
 * and the sysroot's own directories of build ids.
 */
int core_image_open(const struct core_image_places *places, const char *mapped_path, const struct build_id *wanted,
    uint64_t *bytes);

#endif
