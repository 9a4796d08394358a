/* Open the very file behind a mapping, also when it was deleted or replaced since (a package upgrade). */
#ifndef RESPIRE_SYMBOLS_MAPPED_FILE_H
#define RESPIRE_SYMBOLS_MAPPED_FILE_H

#include "target/target.h"

/*
 * A read-only descriptor that the caller closes, or -1. Live process: /proc/PID/map_files (needs
 * CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE), else the path inside the target's own root if it is not deleted.
 * Core file: the path.
 */
int mapped_file_open(const struct target *target, const struct mapping *mapping);

#endif
