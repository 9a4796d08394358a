/*
 * Sections on their way out of a file that may be damaged, cut short or made to harm: no header is believed before it
 * was held against its checksum and the file's size, no payload is passed on that is longer than its header says.
 */
#ifndef RESPIRE_SNAPSHOT_SECTION_READER_H
#define RESPIRE_SNAPSHOT_SECTION_READER_H

#include "snapshot/codec.h"
#include "snapshot/format.h"

struct section_reader {
    int file;             /* not owned */
    uint64_t file_bytes;
    uint64_t memory_left; /* what the model may still take */
    void *decompressor;   /* ZSTD_DCtx */
    unsigned char *window, *stored;
    uint64_t position;    /* in the file: behind the section at hand */
    struct section_header header;
    bool ended;           /* the section at hand is the file's end */
    uint64_t raw_left;    /* of the payload: still to be decompressed */
    uint64_t stored_position, stored_left;
    size_t stored_at, stored_end; /* in `stored` */
    bool frame_ended;
    struct codec codec;
};

/* Checks the file header. Release with section_reader_free(), whatever the outcome. */
struct error *section_reader_begin(struct section_reader *reader, int file, uint64_t memory_bytes);

/* To the next section, wherever the one at hand was left. */
struct error *section_reader_next(struct section_reader *reader);

/* The payload of the section at hand. */
struct codec *section_reader_start(struct section_reader *reader);

/* The payload was read to its end, and its checksum holds. */
struct error *section_reader_finish(struct section_reader *reader);

void section_reader_free(struct section_reader *reader);

#endif
