/* What was copied of a range, part by part: pages that were absent are left out. */
#ifndef RESPIRE_TARGET_CAPTURE_PARTS_H
#define RESPIRE_TARGET_CAPTURE_PARTS_H

#include <stdbool.h>

#include "target/capture.h"

/* Takes the first part that was copied off the front of `left`. False: nothing of it was. */
bool capture_next_part(const struct capture *capture, struct address_range *left, struct capture_piece *part);

#endif
