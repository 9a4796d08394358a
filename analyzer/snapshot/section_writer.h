/* Sections on their way into a file: each compressed as it comes, its header written when its sizes are known. */
#ifndef RESPIRE_SNAPSHOT_SECTION_WRITER_H
#define RESPIRE_SNAPSHOT_SECTION_WRITER_H

#include "snapshot/codec.h"
#include "snapshot/format.h"

struct section_writer {
    int file;          /* not owned */
    void *compressor;  /* ZSTD_CCtx */
    unsigned char *window, *stored;
    uint64_t position; /* in the file: where the next bytes go */
    uint64_t payload_position;
    struct section_header header;
    struct codec codec; /* of the section at hand */
};

/* Writes the file header. Release with section_writer_free(), whatever the outcome. */
struct error *section_writer_begin(struct section_writer *writer, int file);

/* From here to section_writer_finish(), what goes through the codec becomes the section's payload. */
struct codec *section_writer_start(struct section_writer *writer, const char *name, uint32_t version, uint32_t state,
    uint32_t flags);

struct error *section_writer_finish(struct section_writer *writer);

/* The file is whole. */
struct error *section_writer_end(struct section_writer *writer);

void section_writer_free(struct section_writer *writer);

#endif
