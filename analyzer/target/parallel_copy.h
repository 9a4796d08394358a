/* Copies out of a target on several processors at once. Only target/ includes this file. */
#ifndef RESPIRE_TARGET_PARALLEL_COPY_H
#define RESPIRE_TARGET_PARALLEL_COPY_H

#include "target/target_operations.h"

/* As target_copy(). */
struct error *parallel_copy(struct target *target, const struct target_copy *copies, size_t count);

#endif
