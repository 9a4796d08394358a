/*
 * The variables of the target's program and libraries: their writable data, and the anonymous memory that follows it,
 * their .bss, maybe with more behind it.
 */
#ifndef RESPIRE_LOCATE_PROGRAM_DATA_H
#define RESPIRE_LOCATE_PROGRAM_DATA_H

#include "target/capture.h"

typedef struct error *program_data_visit(void *context, uint64_t word);

/* Each aligned word of them that was copied. Ends with the first error. */
struct error *program_data_each_word(const struct capture *capture, program_data_visit *visit, void *context);

#endif
